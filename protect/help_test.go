package protect_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// few keeps the reserves of tests small.
func few() *protect.Options { return &protect.Options{MaxCompartments: 10} }

// keyStore makes the key store of a machine.
type keyStore func(ctx context.Context, m *powercut.Machine, dir *durable.Dir) (protect.KeyStore, error)

func token(_ context.Context, m *powercut.Machine, _ *durable.Dir) (protect.KeyStore, error) {
	return protecttest.NewToken(m), nil
}

func software(ctx context.Context, _ *powercut.Machine, dir *durable.Dir) (protect.KeyStore, error) {
	return softkeys.Open(ctx, dir, nil)
}

// uncounted is a token that does not count: without protection against rollback.
func uncounted(_ context.Context, m *powercut.Machine, _ *durable.Dir) (protect.KeyStore, error) {
	k := protecttest.NewToken(m)
	return struct {
		protect.KeyStore
		protect.Revoker
	}{k, k}, nil
}

// plain is a key store without any ability.
func plain(_ context.Context, m *powercut.Machine, _ *durable.Dir) (protect.KeyStore, error) {
	return plainStore{protecttest.NewToken(m)}, nil
}

type plainStore struct{ k *protecttest.Token }

func (p plainStore) Info() protect.Info {
	i := p.k.Info()
	i.Name, i.Advance = "plain", protect.ReachNone
	return i
}
func (p plainStore) Seal(ctx context.Context, s []byte) ([]byte, error)   { return p.k.Seal(ctx, s) }
func (p plainStore) Unseal(ctx context.Context, b []byte) ([]byte, error) { return p.k.Unseal(ctx, b) }
func (p plainStore) Close() error                                         { return p.k.Close() }

// open opens the vault of a machine as a restarted device does.
func open(ctx context.Context, m *powercut.Machine, store keyStore, opts *protect.Options) (*protect.Vault, error) {
	return begin(ctx, m, store, opts, protect.Open)
}

func provision(ctx context.Context, m *powercut.Machine, store keyStore, opts *protect.Options) (*protect.Vault, error) {
	return begin(ctx, m, store, opts, protect.Provision)
}

type opener func(context.Context, *durable.Dir, protect.KeyStore, *protect.Options) (*protect.Vault, error)

func begin(ctx context.Context, m *powercut.Machine, store keyStore, opts *protect.Options, with opener) (*protect.Vault, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	keys, err := store(ctx, m, dir)
	if err != nil {
		return nil, err
	}
	v, err := with(ctx, dir, keys, opts)
	if err != nil {
		return nil, err
	}
	v.Guard(allow{})
	return v, nil
}

// allow is an authorizer that lets everybody do everything.
type allow struct{}

func (allow) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: true, Rule: "test"}
}

// somebody returns ctx with an entity, which allow lets do everything.
func somebody(ctx context.Context) context.Context {
	return access.WithEntity(ctx, &access.Entity{})
}

// arriving is the ctx of somebody whose request comes in now.
func arriving(t testing.TB) context.Context {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	policy, err := access.NewPolicy(access.PolicySpec{}, nil)
	require.NoError(t, err)
	guard, err := access.OpenGuard(t.Context(), dir, policy, nil)
	require.NoError(t, err)
	e, err := guard.Issuer("test").Issue(access.Facts{ID: "somebody", Kind: access.KindPerson})
	require.NoError(t, err)
	return access.WithEntity(t.Context(), e)
}

// device is a provisioned vault with data of two subjects and some settings.
func device(t *testing.T, store keyStore, opts *protect.Options) (*powercut.Machine, *protect.Vault) {
	m := powercut.New()
	require.NoError(t, setUp(somebody(t.Context()), m, store, opts))
	v, err := open(t.Context(), m, store, opts)
	require.NoError(t, err)
	return m, v
}

func setUp(ctx context.Context, m *powercut.Machine, store keyStore, opts *protect.Options) error {
	v, err := provision(ctx, m, store, opts)
	if err != nil {
		return err
	}
	for _, who := range []string{"alice", "bob"} {
		if err := putUser(ctx, v, who, "letter", "of "+who); err != nil {
			return err
		}
	}
	c, err := v.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return err
	}
	if err := c.Put(ctx, "network/wifi", []byte("canary-passphrase")); err != nil {
		return err
	}
	m.Settle()
	return nil
}

func putUser(ctx context.Context, v *protect.Vault, who, name, value string) error {
	c, err := v.Subject(ctx, who)
	if err != nil {
		return err
	}
	return c.Put(ctx, name, []byte(value))
}

// content tells in words what a vault holds.
func content(ctx context.Context, v *protect.Vault) (string, error) {
	var lines []string
	for _, info := range v.Compartments() {
		c, err := compartment(ctx, v, info)
		if err != nil {
			return "", err
		}
		names, err := c.List(ctx, "")
		if err != nil {
			return "", err
		}
		line := info.Class.String() + " " + info.Subject + ":"
		for _, n := range names {
			value, err := c.Get(ctx, n)
			if err != nil {
				return "", err
			}
			line += " " + n + "=" + string(value)
		}
		streams, err := c.Streams(ctx, "")
		if err != nil {
			return "", err
		}
		for _, n := range streams {
			value, err := readStream(ctx, c, n)
			if err != nil {
				return "", err
			}
			line += fmt.Sprintf(" stream %s=%.20s %d", n, value, len(value))
		}
		lines = append(lines, line)
	}
	if v.Stats().Unreadable > 0 { // List left it out
		return "", v.Health(ctx)
	}
	return strings.Join(lines, "; "), nil
}

func compartment(ctx context.Context, v *protect.Vault, info protect.CompartmentInfo) (*protect.Compartment, error) {
	if info.Class == protect.ClassUserData {
		return v.Subject(ctx, info.Subject)
	}
	return v.Compartment(ctx, info.Class)
}

// sentinels are all errors that may answer for damage.
func isSentinel(err error) bool {
	for _, s := range []error{protect.ErrTampered, protect.ErrRollback, protect.ErrForeign, protect.ErrMissing,
		protect.ErrUnavailable, protect.ErrLost, protect.ErrPolicy, durable.ErrCorrupt, durable.ErrFormat} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// values returns what an attacker reads from a disk: every value of the directory
// without its frame, also of leftovers and spares. The frame is 12 bytes.
func values(files map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for name, raw := range files {
		if len(raw) > 12 {
			out[name] = raw[12:]
			if n := binary.BigEndian.Uint32(raw[4:]); uint64(n) <= uint64(len(raw)-12) {
				out[name] = raw[12 : 12+n]
			}
		}
	}
	return out
}

// headerOf reads the header that an attacker finds on a disk.
func headerOf(t testing.TB, files map[string][]byte) *protect.HeaderFields {
	raw := values(files)["vault/header"]
	_, text, ok := strings.Cut(string(raw), " ")
	require.True(t, ok, "no header")
	var h protect.HeaderFields
	require.NoError(t, json.Unmarshal([]byte(text), &h))
	return &h
}

func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
