package recovery_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
	"github.com/iot-device-baseline/baseline/protect/recovery"
	"github.com/iot-device-baseline/baseline/receipt"
)

type button struct{}

func (button) Prove(context.Context, []byte) error { return nil }

var _ access.Presence = button{}

// bench is the vendor's: whom devices escrow to, and who must agree.
type bench struct {
	key         hpke.PrivateKey
	authorities []crypto.Signer
}

func newBench(t testing.TB, kem hpke.KEM) *bench {
	key, err := kem.GenerateKey()
	require.NoError(t, err)
	_, one, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	two, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return &bench{key, []crypto.Signer{one, two}}
}

func (b *bench) both() recovery.Authorities {
	return recovery.Authorities{Keys: []crypto.PublicKey{b.authorities[0].Public(), b.authorities[1].Public()}, Threshold: 2}
}

func (b *bench) answer(t testing.TB, request []byte) []byte {
	r, err := recovery.ParseRequest(request)
	require.NoError(t, err)
	answer, err := r.Answer(b.key, b.authorities...)
	require.NoError(t, err)
	return answer
}

// device is one whose token can be cleared.
type device struct {
	m    *powercut.Machine
	keys *protecttest.Token
	dir  *durable.Dir
	opts *protect.Options
}

// newDevice has settings, and then loses its token.
func newDevice(t testing.TB, b *bench) *device {
	m := powercut.New()
	d := &device{m: m, keys: protecttest.NewToken(m), opts: &protect.Options{Escrow: recovery.Escrow(b.key.PublicKey()), Presence: button{}}}
	var err error
	d.dir, err = durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	v, err := protect.Provision(t.Context(), d.dir, d.keys, d.opts)
	require.NoError(t, err)
	c, err := v.Compartment(t.Context(), protect.ClassSettings)
	require.NoError(t, err)
	require.NoError(t, c.Put(t.Context(), "network/wifi", []byte("passphrase")))
	person, err := v.Subject(t.Context(), "alice")
	require.NoError(t, err)
	require.NoError(t, person.Put(t.Context(), "letter", []byte("of alice")))
	require.NoError(t, d.keys.Clear())
	_, err = protect.Open(t.Context(), d.dir, d.keys, d.opts)
	require.ErrorIs(t, err, protect.ErrLost)
	return d
}

func (d *device) ask(t testing.TB) *recovery.Asked {
	asked, err := recovery.Ask(t.Context(), d.dir)
	require.NoError(t, err)
	return asked
}

func (d *device) recover(t testing.TB, asked *recovery.Asked, answer []byte, from recovery.Authorities) (*protect.Vault, error) {
	return asked.Recover(t.Context(), d.dir, d.keys, d.opts, answer, from)
}

func wifi(t testing.TB, v *protect.Vault) string {
	c, err := v.Compartment(t.Context(), protect.ClassSettings)
	require.NoError(t, err)
	value, err := c.Get(t.Context(), "network/wifi")
	require.NoError(t, err)
	return string(value)
}

func TestRecovery(t *testing.T) {
	for name, kem := range map[string]hpke.KEM{"post-quantum": hpke.MLKEM768X25519(), "P-256 of both": hpke.MLKEM768P256()} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, kem)
			d := newDevice(t, b)
			asked := d.ask(t)
			require.LessOrEqual(t, len(asked.Request()), recovery.MaxRequest)
			r, err := recovery.ParseRequest(asked.Request())
			require.NoError(t, err)
			require.Equal(t, "token", r.KeyStore)
			require.Equal(t, uint64(1), r.Generation)
			v, err := d.recover(t, asked, b.answer(t, asked.Request()), b.both())
			require.NoError(t, err)
			require.Equal(t, "passphrase", wifi(t, v))
			_, err = v.OpenSubject(t.Context(), "alice")
			require.ErrorIs(t, err, protect.ErrMissing, "nothing of persons")
			require.Equal(t, uint32(1), v.Report(t.Context()).Recovered)
		})
	}
}

// Each of the four that it takes is needed, and for this device, request and medium.
func TestRecoveryRefuses(t *testing.T) {
	b, other := newBench(t, hpke.MLKEM768X25519()), newBench(t, hpke.MLKEM768X25519())
	d := newDevice(t, b)
	asked := d.ask(t)
	request, err := recovery.ParseRequest(asked.Request())
	require.NoError(t, err)

	_, err = request.Answer(other.key, b.authorities...)
	require.ErrorIs(t, err, recovery.ErrRequest, "another recipient")
	p256, err := hpke.MLKEM768P256().GenerateKey()
	require.NoError(t, err)
	_, err = request.Answer(p256, b.authorities...)
	require.ErrorIs(t, err, recovery.ErrRequest, "another kind of key")

	alone, err := request.Answer(b.key, b.authorities[0])
	require.NoError(t, err)
	_, err = d.recover(t, asked, alone, b.both())
	require.ErrorIs(t, err, receipt.ErrSignature, "one of two")
	strangers, err := request.Answer(b.key, other.authorities...)
	require.NoError(t, err)
	_, err = d.recover(t, asked, strangers, b.both())
	require.ErrorIs(t, err, receipt.ErrSignature, "strangers")
	_, err = d.recover(t, asked, alone, recovery.Authorities{})
	require.ErrorIs(t, err, fs.ErrInvalid, "nobody is authority")

	again := d.ask(t)
	_, err = d.recover(t, again, b.answer(t, asked.Request()), b.both())
	require.ErrorIs(t, err, protect.ErrForeign, "an answer to an older request")
	neighbour := newDevice(t, b)
	_, err = d.recover(t, asked, b.answer(t, neighbour.ask(t).Request()), b.both())
	require.ErrorIs(t, err, protect.ErrForeign, "an answer to another device")

	answer := b.answer(t, asked.Request())
	c := d.m.Files() // an object of the settings, exchanged after the request
	for name := range c {
		if len(name) > len("vault/")+33 && name[:6] == "vault/" {
			require.NoError(t, d.dir.Put(t.Context(), name, []byte("exchanged")))
		}
	}
	_, err = d.recover(t, asked, answer, b.both())
	require.ErrorIs(t, err, protect.ErrForeign, "another medium than was asked for")
}

// The vendor sees of which device, generation and state a request is: a device cannot
// have the keys of one sealed under the name of another.
func TestRequestIsAuthentic(t *testing.T) {
	b := newBench(t, hpke.MLKEM768X25519())
	raw := newDevice(t, b).ask(t).Request()
	for _, field := range []string{"device", "generation", "info", "sealed"} {
		t.Run(field, func(t *testing.T) {
			fields := map[string]any{}
			require.NoError(t, json.Unmarshal(raw, &fields))
			other := map[string]any{}
			require.NoError(t, json.Unmarshal(newDevice(t, b).ask(t).Request(), &other))
			fields[field] = other[field]
			if field == "generation" {
				fields[field] = 7
			}
			forged, err := json.Marshal(fields)
			require.NoError(t, err)
			r, err := recovery.ParseRequest(forged)
			require.NoError(t, err)
			_, err = r.Answer(b.key, b.authorities...)
			require.ErrorIs(t, err, recovery.ErrRequest)
		})
	}
}

func TestNothingToRecover(t *testing.T) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	_, err = recovery.Ask(t.Context(), dir)
	require.ErrorIs(t, err, protect.ErrMissing)
}

func TestAskedShowsNothing(t *testing.T) {
	asked := newDevice(t, newBench(t, hpke.MLKEM768X25519())).ask(t)
	text, err := json.Marshal(asked)
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprintf("%v", asked), fmt.Sprintf("%+v", asked), fmt.Sprintf("%#v", asked), string(text), asked.LogValue().String()} {
		require.Contains(t, shown, "recovery.Asked[redacted]")
		require.Less(t, len(shown), 40)
	}
}
