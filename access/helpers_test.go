package access_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// mem is a Store in memory that can be told to fail.
type mem struct {
	mu   sync.Mutex
	m    map[string][]byte
	get  error             // of Get, when not nil
	put  error             // of Put, when not nil
	keep bool              // Put stores although it fails
	hook func(name string) // before Put
}

func newMem() *mem { return &mem{m: map[string][]byte{}} }

func (s *mem) Get(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.get != nil {
		return nil, s.get
	}
	v, ok := s.m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(v), nil
}

func (s *mem) Put(_ context.Context, name string, v []byte) error {
	if s.hook != nil {
		s.hook(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.put == nil || s.keep {
		s.m[name] = bytes.Clone(v)
	}
	return s.put
}

func (s *mem) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, name)
	return nil
}

func (s *mem) List(_ context.Context, prefix string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for n := range s.m {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// homeSpec is the policy of most tests.
func homeSpec() access.PolicySpec {
	all := []string{"**"}
	return access.PolicySpec{
		Roles: []access.Role{
			{Name: "viewer"}, {Name: "operator", Inherits: []string{"viewer"}}, {Name: "owner", Inherits: []string{"operator"}},
			{Name: "updater"}, {Name: "helpdesk"},
			{Name: access.RoleCommissioner}, {Name: access.RolePresence},
		},
		Grants: []access.Grant{
			{Role: "viewer", Permission: access.StatusRead, Resources: all},
			{Role: "viewer", Permission: access.EraseSubject, Resources: []string{"users/{self}/**"}},
			{Role: "viewer", Permission: access.AccessCredentials, Resources: []string{"password/{self}"}},
			{Role: "operator", Permission: access.ConfigWrite, Resources: []string{"settings/*/level", "settings/network/**"}},
			{Role: "operator", Permission: access.ConfigRead, Resources: all, Interfaces: []string{"lan", "usb"}},
			{Role: "owner", Permission: "access.*", Resources: all, Kinds: []access.Kind{access.KindPerson}},
			{Role: "owner", Permission: "erase.*", Resources: all},
			{Role: "owner", Permission: "update.*", Resources: all},
			{Role: "owner", Permission: access.ResetRequest, Resources: all},
			{Role: "updater", Permission: "update.*", Resources: all},
			{Role: "updater", Permission: access.ConfigRead, Resources: all},
			{Role: "helpdesk", Permission: access.AccessAssign, Resources: []string{"viewer/*"}},
			{Role: access.RoleCommissioner, Permission: access.ConfigWrite, Resources: all},
			{Role: access.RoleCommissioner, Permission: access.StatusRead, Resources: all},
			{Role: access.RolePresence, Permission: access.ResetRequest, Resources: []string{"factory"}},
			{Role: access.RolePresence, Permission: access.AccessDisown, Resources: all},
		},
		Setup: []string{"settings/network/**"},
	}
}

// device is a guard with what is around it.
type device struct {
	*access.Guard
	t      *testing.T
	store  *mem
	label  string
	log    *recorder
	policy *access.Policy
	opts   access.GuardOptions
}

func compile(t testing.TB, spec access.PolicySpec) *access.Policy {
	t.Helper()
	p, err := access.NewPolicy(spec, nil)
	require.NoError(t, err)
	return p
}

// provisioned is a device as it leaves the factory.
func provisioned(t *testing.T) *device {
	t.Helper()
	d := &device{t: t, store: newMem(), log: &recorder{}, policy: compile(t, homeSpec())}
	secret, err := access.Provision(t.Context(), d.store, nil)
	require.NoError(t, err)
	d.label = secret.Reveal()
	d.opts = access.GuardOptions{
		Log: slog.New(d.log), Local: []string{"usb"}, Parts: []string{},
		Services: map[string][]string{"updated": {"updater"}, "idle": {}},
	}
	d.reopen()
	return d
}

func (d *device) reopen() {
	d.t.Helper()
	var err error
	d.Guard, err = access.OpenGuard(d.t.Context(), d.store, d.policy, &d.opts)
	require.NoError(d.t, err)
}

// commissioned is a device in service, owned by ann.
func commissioned(t *testing.T) *device {
	t.Helper()
	d := provisioned(t)
	d.commission("ann")
	return d
}

func (d *device) commission(owner string) {
	d.t.Helper()
	first, err := d.Initial(d.t.Context(), d.label, "usb")
	require.NoError(d.t, err)
	ctx := access.WithEntity(d.t.Context(), first)
	require.NoError(d.t, d.Commission(ctx, access.Owner{ID: owner, Roles: []string{"owner"}}, nothing))
}

func nothing(context.Context) error { return nil }

// as is a context of a person who came in on the LAN.
func (d *device) as(id string) context.Context { return d.of(access.KindPerson, id, "lan") }

func (d *device) of(kind access.Kind, id, iface string) context.Context {
	d.t.Helper()
	e, err := d.Issuer("test").Issue(access.Facts{ID: id, Kind: kind, Interface: iface})
	require.NoError(d.t, err)
	return access.WithEntity(d.t.Context(), e)
}

func (d *device) service(name string) context.Context {
	d.t.Helper()
	ctx, err := access.AsService(d.t.Context(), d.Issuer("service"), name)
	require.NoError(d.t, err)
	return ctx
}

func (d *device) may(ctx context.Context, p access.Permission, resource string) bool {
	_, err := access.Check(ctx, d.Guard, p, resource)
	if err != nil {
		require.ErrorIs(d.t, err, access.ErrDenied)
	}
	return err == nil
}

func (d *device) assign(id string, roles ...string) {
	d.t.Helper()
	require.NoError(d.t, d.Assign(d.as("ann"), access.Assignment{ID: id, Kind: access.KindPerson, Roles: roles}))
}

// recorder is a slog.Handler that keeps records.
type recorder struct {
	mu      sync.Mutex
	records []slog.Record
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }
func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec.Clone())
	return nil
}

// named returns the attributes of the records called msg, as maps.
func (r *recorder) named(msg string) []map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []map[string]string
	for _, rec := range r.records {
		if rec.Message != msg {
			continue
		}
		m := map[string]string{}
		rec.Attrs(func(a slog.Attr) bool {
			m[a.Key] = a.Value.String()
			return true
		})
		out = append(out, m)
	}
	return out
}
