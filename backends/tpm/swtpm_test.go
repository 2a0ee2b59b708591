package tpm_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// device is a machine with a TPM of its own: the real swtpm, whose state is a directory
// that outlives it, and a medium.
type device struct {
	t      testing.TB
	state  string // of the TPM
	medium string
	opts   *tpm.Options
	boot   func(*device) // what the boot chain does, or nil

	mu   sync.Mutex
	cmd  *exec.Cmd
	conn net.Conn
	dir  *durable.Dir
	left int // commands until the power fails; below 0 never
}

var errPower = errors.New("power lost")

func newDevice(t testing.TB, opts *tpm.Options) *device {
	d := &device{t: t, state: t.TempDir(), medium: t.TempDir(), opts: opts, left: -1}
	t.Cleanup(d.off)
	return d
}

// on starts the TPM and opens the medium.
func (d *device) on() *device {
	d.t.Helper()
	bin, err := exec.LookPath("swtpm")
	require.NoError(d.t, err, "swtpm (Debian: swtpm)")
	place, err := os.MkdirTemp("", "s") // short: a path of a socket has at most 107 bytes
	require.NoError(d.t, err)
	d.t.Cleanup(func() { os.RemoveAll(place) })
	sock := filepath.Join(place, "s")
	d.cmd = exec.Command(bin, "socket", "--tpm2", "--tpmstate", "dir="+d.state, "--server", "type=unixio,path="+sock, "--flags", "not-need-init,startup-clear")
	require.NoError(d.t, d.cmd.Start())
	require.Eventually(d.t, func() bool {
		d.conn, err = net.Dial("unix", sock)
		return err == nil
	}, 30*time.Second, time.Millisecond)
	d.dir, err = durable.OpenDir(d.medium, nil)
	require.NoError(d.t, err)
	d.left = -1
	if d.boot != nil {
		d.boot(d)
	}
	return d
}

// off takes the power away, in whatever the TPM does.
func (d *device) off() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	_ = d.conn.Close()
	_ = d.dir.Close()
	d.cmd = nil
}

// Send implements transport.TPM: a command is a step, before which the power may fail.
func (d *device) Send(input []byte) ([]byte, error) {
	if d.left == 0 {
		d.off()
	}
	if d.cmd == nil {
		return nil, errPower
	}
	d.left--
	return transport.FromReadWriter(d.conn).Send(input)
}

func (d *device) Close() error { return d.conn.Close() }

func (d *device) provision() *tpm.Keys {
	d.t.Helper()
	keys, err := tpm.Provision(d.t.Context(), d, d.dir, d.opts)
	require.NoError(d.t, err)
	return keys
}

func (d *device) open() (*tpm.Keys, error) { return tpm.Open(d.t.Context(), d, d.dir, d.opts) }

func (d *device) mustOpen() *tpm.Keys {
	d.t.Helper()
	keys, err := d.open()
	require.NoError(d.t, err)
	return keys
}

// fleet remembers which key store is of which device.
type fleet struct {
	opts    *tpm.Options
	boot    func(*device)
	devices map[protect.KeyStore]*device
}

func (f *fleet) make(t testing.TB) protect.KeyStore {
	d := newDevice(t, f.opts)
	d.boot = f.boot
	ks := d.on().provision()
	f.devices[ks] = d
	return ks
}

func (f *fleet) reopen(t testing.TB, ks protect.KeyStore) protect.KeyStore {
	d := f.devices[ks]
	d.off()
	d.on().t = t
	after := d.mustOpen()
	f.devices[after] = d
	return after
}

func (f *fleet) interrupt(t testing.TB, ks protect.KeyStore, n int, act func()) (protect.KeyStore, bool) {
	d := f.devices[ks]
	d.left = n
	act()
	cut := d.cmd == nil
	return f.reopen(t, ks), cut
}
