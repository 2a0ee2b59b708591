package baselinetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/risk"
	"github.com/iot-device-baseline/baseline/update"
)

// The faults of vendors, one a composition.
const (
	faultUngated   = "an operation that asks nobody"
	faultSetup     = "settings that are open for set-up, all of them"
	faultAnybody   = "settings that anybody may change"
	faultReplay    = "bundles without sequence"
	faultDowngrade = "a way in for old releases"
	faultUnsigned  = "metadata whose signature nobody verifies"
	faultCopy      = "a copy of user data that nobody erases"
	faultFloor     = "a reset that takes the floor along"
	faultOldOwner  = "a reset that leaves the old owner in"
	faultNoBundles = "no fault: a pump that takes no bundles"
	faultClaims    = "a part that claims what it does not do"
)

// lab makes pumps with one fault.
type lab struct {
	t          testing.TB
	fault      string
	assessment *risk.Assessment
}

func newLab(t testing.TB, fault string) *lab {
	t.Helper()
	data, err := os.ReadFile("testdata/assessment.json")
	require.NoError(t, err)
	a, err := risk.Parse(data)
	require.NoError(t, err)
	return &lab{t, fault, a}
}

func of(d *baselinetest.Device) *pump { return d.Own.(*pump) }

// harness is what a vendor writes.
func (l *lab) harness() baselinetest.Harness {
	return baselinetest.Harness{
		Assessment: l.assessment,
		Open: func(ctx context.Context) (*baselinetest.Device, error) {
			p, err := l.make(ctx)
			if err != nil {
				return nil, err
			}
			return p.run(l.assessment)
		},
		Reopen: func(ctx context.Context, d *baselinetest.Device) (*baselinetest.Device, error) {
			p := of(d)
			if err := p.stop(); err != nil {
				return nil, err
			}
			if err := p.start(ctx); err != nil {
				return nil, err
			}
			return p.run(l.assessment)
		},
		Close:      func(d *baselinetest.Device) error { return of(d).stop() },
		Commission: func(ctx context.Context, d *baselinetest.Device) error { return of(d).commission(ctx) },
		As: func(ctx context.Context, d *baselinetest.Device, a baselinetest.Actor) (context.Context, error) {
			return of(d).as(ctx, a)
		},
		Patch: func(n int) []byte { return fmt.Appendf(nil, `{"litres":%d}`, 20+n) },
		Operations: []baselinetest.Operation{{
			Name: "pump water", Do: func(ctx context.Context, d *baselinetest.Device) error { return of(d).water(ctx) },
		}},
		Bundles: l.bundles(),
		Updates: &baselinetest.Updates{
			Offer: func(_ context.Context, d *baselinetest.Device, r baselinetest.Release) (string, error) {
				return of(d).vendor.offer(r)
			},
			Image: func(ctx context.Context, d *baselinetest.Device) (io.ReadCloser, error) {
				return of(d).flash.image(ctx)
			},
			Refused: func(r baselinetest.Release, err error) bool {
				if r == baselinetest.Older {
					return errors.Is(err, update.ErrDowngrade)
				}
				return errors.Is(err, update.ErrUntrusted)
			},
		},
		Users: &baselinetest.Users{
			First: "bob", Second: "cid",
			Keep: func(ctx context.Context, d *baselinetest.Device, who, text string) error {
				return of(d).write(ctx, who, text)
			},
			Find: func(ctx context.Context, d *baselinetest.Device, who string) (string, error) {
				return of(d).read(ctx, who)
			},
			Media: func(d *baselinetest.Device) []fs.FS {
				return []fs.FS{os.DirFS(of(d).path), os.DirFS(of(d).path + "-flash")}
			},
		},
		Resets: &baselinetest.Resets{
			Scope: reset.Factory,
			Raise: func(ctx context.Context, d *baselinetest.Device) error {
				owner, err := of(d).as(ctx, baselinetest.Owner)
				if err == nil {
					_, err = of(d).settings.Apply(owner, []byte(`{"code":"8"}`), "", nil)
				}
				return err
			},
			Floor: func(ctx context.Context, d *baselinetest.Device) ([]string, error) { return of(d).floors(ctx) },
		},
	}
}

var passwords = map[string]string{"ann": "a long sentence about water", "bob": "another one about the garden"}

// commission is what the owner does on the first day.
func (p *pump) commission(ctx context.Context) error {
	first, err := p.guard.Initial(ctx, p.label, "port")
	if err != nil {
		return err
	}
	err = p.guard.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}},
		func(ctx context.Context) error { return p.users.Set(ctx, "ann", password.New(passwords["ann"])) })
	if err != nil {
		return err
	}
	ann, err := p.logIn(ctx, "ann")
	if err != nil {
		return err
	}
	ctx = access.WithEntity(ctx, ann)
	return errors.Join(
		p.guard.Assign(ctx, access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}}),
		p.users.Set(ctx, "bob", password.New(passwords["bob"])),
	)
}

func (p *pump) logIn(ctx context.Context, who string) (*access.Entity, error) {
	return p.users.Verify(ctx, who, password.New(passwords[who]), "port", "")
}

func (p *pump) as(ctx context.Context, a baselinetest.Actor) (context.Context, error) {
	var e *access.Entity
	var err error
	switch a {
	case baselinetest.Initial:
		e, err = p.guard.Initial(ctx, p.label, "port")
	case baselinetest.Owner:
		e, err = p.logIn(ctx, "ann")
	case baselinetest.Program:
		return access.AsService(ctx, p.guard.Issuer("program"), "program")
	case baselinetest.Viewer:
		e, err = p.logIn(ctx, "bob")
	}
	if err != nil {
		return nil, err
	}
	return access.WithEntity(ctx, e), nil
}

// write keeps a text in the vault and as a letter.
func (p *pump) write(ctx context.Context, who, text string) error {
	c, err := p.vault.Subject(ctx, who)
	if err != nil {
		return err
	}
	letters, err := p.letters.Of(who)
	if err != nil {
		return err
	}
	if p.fault == faultCopy {
		err = p.dir.Put(ctx, "cache/"+who, []byte(text+" for the display"))
	}
	return errors.Join(err, c.Put(ctx, "text", []byte(text)), letters.Put(ctx, "letter", []byte(text)))
}

func (p *pump) read(ctx context.Context, who string) (string, error) {
	c, err := p.vault.OpenSubject(ctx, who)
	if errors.Is(err, protect.ErrMissing) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	letters, err := p.letters.Of(who)
	if err != nil {
		return "", err
	}
	for _, place := range []struct {
		durable.Store
		name string
	}{{c, "text"}, {letters, "letter"}} {
		if data, err := place.Get(ctx, place.name); err == nil {
			return string(data), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

func (p *pump) floors(ctx context.Context) ([]string, error) {
	lowest, err := p.updaterFloor(ctx)
	if err != nil {
		return nil, err
	}
	// The settings' floor is read in process: nobody may be logged in.
	return []string{fmt.Sprintf("lowest release %d", lowest), "code of " + p.view.Load().Code}, nil
}
