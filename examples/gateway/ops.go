package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
)

// operations are what can be asked at the service port. Each is done by a part, as
// whoever asked, and the part asks the guard.
func (g *gateway) operations() map[string]handler {
	return map[string]handler{
		"commission": g.opCommission, "adduser": g.opAddUser,
		"settings": g.opSettings, "change": g.opChange, "tune": g.opTune, "bundle": g.opBundle, "notices": g.opNotices,
		"remember": g.opRemember, "recall": g.opRecall,
		"check": g.opCheck, "install": g.opInstall, "status": g.opStatus,
		"erase": g.opErase, "reset": g.opReset,
		"log": g.opLog, "checklog": g.opCheckLog, "report": g.opReport,
	}
}

// do finds out who asks, and carries the request out.
func (g *gateway) do(ctx context.Context, r request) (any, error) {
	if g.down != nil {
		return g.doWithout(ctx, r)
	}
	op := g.operations()[r.Op]
	if op == nil {
		return nil, fmt.Errorf("no operation %q", r.Op)
	}
	ctx, err := g.login(ctx, r)
	if err != nil {
		return nil, err
	}
	return op(ctx, r)
}

// login puts the entity of who asks into ctx. Nobody is nobody, and mostly denied.
func (g *gateway) login(ctx context.Context, r request) (context.Context, error) {
	var e *access.Entity
	var err error
	switch r.User {
	case "":
		return ctx, nil
	case "label":
		e, err = g.guard.Initial(ctx, r.Secret, servicePort)
	default:
		e, err = g.users.Verify(ctx, r.User, password.New(r.Secret), servicePort, "")
	}
	if err != nil {
		return nil, err
	}
	return access.WithEntity(ctx, e), nil
}

func args[T any](r request) (T, error) {
	var v T
	err := json.Unmarshal(r.Args, &v)
	return v, err
}

type user struct {
	ID       string `json:"id"`
	Password string `json:"password"`
}

func (g *gateway) opCommission(ctx context.Context, r request) (any, error) {
	u, err := args[user](r)
	if err != nil {
		return nil, err
	}
	return nil, g.guard.Commission(ctx, access.Owner{ID: u.ID, Roles: []string{"owner"}},
		func(ctx context.Context) error { return g.users.Set(ctx, u.ID, password.New(u.Password)) })
}

func (g *gateway) opAddUser(ctx context.Context, r request) (any, error) {
	u, err := args[user](r)
	if err != nil {
		return nil, err
	}
	err = g.guard.Assign(ctx, access.Assignment{ID: u.ID, Kind: access.KindPerson, Roles: []string{"resident"}})
	if err != nil {
		return nil, err
	}
	return nil, g.users.Set(ctx, u.ID, password.New(u.Password))
}

func (g *gateway) opSettings(ctx context.Context, _ request) (any, error) {
	document, _, err := g.settings.Document(ctx)
	return json.RawMessage(document), err
}

type change struct {
	Patch  json.RawMessage `json:"patch"`
	Accept []string        `json:"accept,omitempty"`
}

func (g *gateway) opChange(ctx context.Context, r request) (any, error) {
	c, err := args[change](r)
	if err != nil {
		return nil, err
	}
	return g.settings.Apply(ctx, c.Patch, "", c.Accept)
}

// opTune has the program set the limit to what it is: whoever is there may ask for it,
// since it changes nothing. The program holds a role as a person does, and waits for
// the commissioning like everybody.
func (g *gateway) opTune(ctx context.Context, _ request) (any, error) {
	ctx, err := access.AsService(ctx, g.guard.Issuer(serviceVendor), serviceVendor)
	if err != nil {
		return nil, err
	}
	return g.settings.Apply(ctx, fmt.Appendf(nil, `{"limit":%v}`, g.view.Load().Limit), "", nil)
}

// signed is a document with the signature beside it.
type signed struct {
	Document  []byte `json:"document"`
	Signature []byte `json:"signature"`
}

// opBundle asks nobody who he is: the signature counts.
func (g *gateway) opBundle(ctx context.Context, r request) (any, error) {
	b, err := args[signed](r)
	if err != nil {
		return nil, err
	}
	result, err := g.settings.ApplyBundle(ctx, b.Document, b.Signature)
	if errors.Is(err, config.ErrReplay) && g.is("replay-accepted") {
		return result.Receipt, nil
	}
	return result.Receipt, err
}

func (g *gateway) opNotices(ctx context.Context, _ request) (any, error) {
	return g.notices.Since(ctx, 0, notify.Filter{})
}

// settingsNotice raises what the settings have to say, as the service of this name.
func (g *gateway) settingsNotice(ctx context.Context, n config.Notice) {
	if !g.is("warning-silent") {
		_ = g.raise(ctx, serviceConfig, notify.Notice{Type: n.Type, Key: n.Key, Title: n.Title, Text: n.Text})
	}
}

func (g *gateway) eraseNotice(ctx context.Context, n erase.Notice) error {
	return g.raise(ctx, serviceErase, notify.Notice{Type: n.Type, Key: n.Key, Title: n.Title, Text: n.Text})
}

func (g *gateway) raise(ctx context.Context, service string, n notify.Notice) error {
	ctx, err := access.AsService(ctx, g.guard.Issuer(service), service)
	if err != nil {
		return err
	}
	n.Severity, n.Audience = notify.Warning, notify.Owner
	_, err = g.notices.Raise(ctx, n)
	return err
}

// opRemember keeps a note for the person who asks, in his own compartment.
func (g *gateway) opRemember(ctx context.Context, r request) (any, error) {
	text, err := args[string](r)
	if err != nil {
		return nil, err
	}
	notes, err := g.notes(ctx, g.vault.Subject)
	if err != nil {
		return nil, err
	}
	if g.is("canary-left") {
		if err := g.dir.Put(ctx, "update/notes", []byte(text)); err != nil {
			return nil, err
		}
	}
	return nil, notes.Put(ctx, "note", []byte(text))
}

func (g *gateway) opRecall(ctx context.Context, _ request) (any, error) {
	notes, err := g.notes(ctx, g.vault.OpenSubject)
	if err != nil {
		return nil, err
	}
	text, err := notes.Get(ctx, "note")
	return string(text), err
}

// notes is the compartment of who asks. He is asked for again here: who was erased
// since he logged in gets no new one.
func (g *gateway) notes(ctx context.Context, open func(context.Context, string) (*protect.Compartment, error)) (durable.Store, error) {
	var id string
	if e := access.FromContext(ctx); e != nil {
		id = e.ID()
	}
	if _, err := access.Check(ctx, g.guard, notesKeep, id); err != nil {
		return nil, err
	}
	return open(ctx, id)
}

func (g *gateway) opCheck(ctx context.Context, _ request) (any, error) {
	release, err := g.updater.Check(ctx)
	if err != nil {
		return nil, err
	}
	return release.Version, nil
}

func (g *gateway) opInstall(ctx context.Context, r request) (any, error) {
	version, err := args[string](r)
	if err != nil {
		return nil, err
	}
	return nil, g.updater.Install(ctx, version)
}

// status is what anybody at the service port may see.
type status struct {
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Version string `json:"version"`
	Trial   bool   `json:"trial"`
	Update  string `json:"update"` // state of the journal
	Done    int64  `json:"done"`   // bytes of the image that are written
	Floor   uint64 `json:"floor"`
	Shut    bool   `json:"shut"`
}

func (g *gateway) opStatus(ctx context.Context, _ request) (any, error) {
	s := status{Update: g.updater.State(), Done: g.updater.Progress().Done}
	state, reason := g.running.State()
	s.State, s.Reason = string(state), reason
	_, s.Shut = g.guard.Shut()
	var err error
	if s.Version, s.Trial, err = g.updater.Status(ctx); err != nil {
		return nil, err
	}
	s.Floor, err = g.floors.Get(ctx, "release")
	return s, err
}

func (g *gateway) opErase(ctx context.Context, r request) (any, error) {
	subject, err := args[string](r)
	if err != nil {
		return nil, err
	}
	return g.eraser.Request(ctx, erase.Request{Subject: subject, Reason: "asked for at the service port"})
}

func (g *gateway) opReset(ctx context.Context, r request) (any, error) {
	scope, err := args[string](r)
	if err != nil {
		return nil, err
	}
	return nil, g.resetter.Reset(ctx, scope, "asked for at the service port")
}

// logged is an export of the log: what left the device can be verified without it.
type logged struct {
	Export     []byte `json:"export"`
	Checkpoint []byte `json:"checkpoint"`
}

func (g *gateway) opLog(ctx context.Context, _ request) (any, error) {
	checkpoint, err := g.events.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = g.events.Export(ctx, &out, 0)
	return logged{out.Bytes(), checkpoint}, err
}

// opCheckLog verifies the log on the medium.
func (g *gateway) opCheckLog(ctx context.Context, r request) (any, error) {
	if g.is("log-unchecked") {
		return uint64(1), nil
	}
	checkpoint, err := args[[]byte](r)
	if err != nil {
		return nil, err
	}
	summary, err := g.events.Verify(ctx, checkpoint)
	if err != nil {
		return nil, err
	}
	return summary.Last, nil
}
