package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/risk"
)

// inService is a device with the owner ann and the viewer bob.
func inService(t *testing.T) *day {
	assessment, err := risk.Parse([]byte(builtinAssessment))
	require.NoError(t, err)
	d := &day{ctx: t.Context(), out: io.Discard, assessment: assessment, document: []byte(builtinSettings), path: filepath.Join(t.TempDir(), "device")}
	for _, step := range []func() error{d.provision, d.compose, d.commission, d.configure, d.denyAndAllow} {
		require.NoError(t, step())
	}
	t.Cleanup(func() { assert.NoError(t, d.close()) })
	phone, err := d.vault.Subject(t.Context(), "bob")
	require.NoError(t, err)
	require.NoError(t, phone.Put(t.Context(), "phone", []byte("+1 555 01 bob")))
	return d
}

func (d *day) login(t *testing.T, id, text string) context.Context {
	e, err := d.users.Verify(d.ctx, id, password.New(text), "service-port", "")
	require.NoError(t, err)
	return access.WithEntity(d.ctx, e)
}

// forgotten: nothing of bob is left, and no order.
func forgotten(t *testing.T, d *day) {
	ann := d.login(t, "ann", ownersPassword)
	for _, place := range d.everywhere().places {
		assert.NoError(t, place.Verify(ann, "bob"), place.Name())
	}
	_, err := d.users.Verify(d.ctx, "bob", password.New(bobsPassword), "service-port", "")
	require.ErrorIs(t, err, password.ErrWrong)
	orders, err := d.orders.List(d.ctx)
	require.NoError(t, err)
	assert.Empty(t, orders)
}

// TestBobErasesHimself: the policy grants it; his entity ends half-way.
func TestBobErasesHimself(t *testing.T) {
	d := inService(t)
	bob := d.login(t, "bob", bobsPassword)
	_, err := d.everywhere().Erase(bob, "ann")
	require.ErrorIs(t, err, access.ErrDenied)
	method, err := d.everywhere().Erase(bob, "bob")
	require.NoError(t, err)
	require.NotEmpty(t, method)
	forgotten(t, d)
	_, err = d.everywhere().Erase(bob, "bob")
	require.ErrorIs(t, err, access.ErrDenied, "he is nobody now")
}

// cutOff is a place at which the power goes.
type cutOff struct{ place }

func (cutOff) Erase(context.Context, string) (string, error) { return "", errors.New("power cut") }

// TestErasureCutBetweenPlaces is finished at the next start, although he who ordered
// it can be asked no more.
func TestErasureCutBetweenPlaces(t *testing.T) {
	d := inService(t)
	half := d.everywhere()
	half.places = []place{half.places[0], cutOff{half.places[1]}}
	_, err := half.Erase(d.login(t, "bob", bobsPassword), "bob")
	require.ErrorContains(t, err, "passwords: power cut")
	require.NoError(t, d.close())
	d.sensor, err = open(d.ctx, d.path)
	require.NoError(t, err)
	require.NotNil(t, d.login(t, "bob", bobsPassword), "he is half erased")
	require.NoError(t, d.start())
	forgotten(t, d)
}

// TestOrdersThatCannotBeCarriedOut keep no device from starting.
func TestOrdersThatCannotBeCarriedOut(t *testing.T) {
	d := inService(t)
	all := d.everywhere()
	for _, bad := range []string{"", "a/b", "..", strings.Repeat("x", access.MaxID+1)} {
		_, err := all.Erase(d.owner, bad)
		require.Error(t, err, "%q", bad)
	}
	order, err := d.guard.NewMandate(d.owner, access.MandateRequest{
		Acts: []access.Act{{Permission: access.EraseSubject, Resource: "bob"}}, Reason: "x",
	})
	require.NoError(t, err)
	order.Ownership = strings.Repeat("f", len(order.Ownership)) // of an owner before
	require.NoError(t, d.orders.Put(d.ctx, order))
	require.NoError(t, all.Resume(d.ctx))
	require.NotNil(t, d.login(t, "bob", bobsPassword))
	orders, err := d.orders.List(d.ctx)
	require.NoError(t, err)
	require.Empty(t, orders)
}
