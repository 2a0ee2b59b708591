package protect_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// TestErasingNothingClaimsNothing: the data of alice lies on an image that was put
// aside. An erasure that finds nothing of hers destroys no key, so the image opens,
// and it does not say that every copy is closed.
func TestErasingNothingClaimsNothing(t *testing.T) {
	ctx := somebody(t.Context())
	m := powercut.New()
	_, err := provision(ctx, m, uncounted, few())
	require.NoError(t, err)
	m.Settle()
	without := m.Image()
	v, err := open(ctx, m, uncounted, few())
	require.NoError(t, err)
	require.NoError(t, putUser(ctx, v, "alice", "letter", "of alice"))
	m.Settle()
	with := m.Image()
	m.Restore(without)

	v, err = open(ctx, m, uncounted, few())
	require.NoError(t, err)
	method, err := v.Erase(ctx, "alice")
	require.NoError(t, err)
	assert.Equal(t, protect.MethodNothing, method)
	word, err := v.Subjects().Erase(ctx, "alice")
	require.NoError(t, err)
	assert.Equal(t, "nothing was found to erase", word)
	method, err = v.EraseClasses(ctx, reset(), protect.ClassUserData)
	require.NoError(t, err)
	assert.Equal(t, protect.MethodNothing, method)
	assert.Zero(t, v.Stats().Advances)

	m.Restore(with)
	letter, err := readsLetter(ctx, m, uncounted, "alice")
	require.NoError(t, err)
	assert.Equal(t, "of alice", letter)
	require.NoError(t, eraseAlice(ctx, m, uncounted))
	m.Restore(with)
	_, err = readsLetter(ctx, m, uncounted, "alice")
	require.ErrorIs(t, err, protect.ErrRollback, "and now it is closed")
}

// TestErasureFinishedByARepeat: the first call is cut short after the key store has
// advanced; the second finishes it, and says what was done.
func TestErasureFinishedByARepeat(t *testing.T) {
	ctx := somebody(t.Context())
	base, _ := device(t, token, few())
	base.Settle()
	repeats := 0
	for n := range 60 {
		m := base.Clone()
		v, err := open(ctx, m, token, few())
		require.NoError(t, err)
		m.Fail(n, powercut.NoReply)
		first, ferr := v.Erase(ctx, "alice")
		m.Fail(0, powercut.NoFault)
		second, err := v.Erase(ctx, "alice")
		require.NoError(t, err)
		if ferr == nil {
			assert.Equal(t, protect.MethodPurge, first, "step %d", n)
			assert.Equal(t, protect.MethodNothing, second, "step %d", n)
			continue
		}
		repeats++
		assert.Equal(t, protect.MethodPurge, second, "step %d", n)
	}
	assert.Positive(t, repeats)
}

// dying is a token that begins a generation and falls silent.
type dying struct{ *protecttest.Token }

func (d dying) Advance(ctx context.Context, gen uint64) error {
	err := d.Token.Advance(ctx, gen)
	d.SetFault(protect.ErrUnavailable)
	return errors.Join(err, protect.ErrUnavailable)
}

// TestErasureFinishedLater: the first call ends and nobody knows what it did. The
// next one learns that the key is dead: whatever it was asked for, it destroyed it.
func TestErasureFinishedLater(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	keys := dying{protecttest.NewToken(m)}
	v, err := protect.Open(ctx, dir, keys, few())
	require.NoError(t, err)
	v.Guard(allow{})
	_, err = v.Erase(ctx, "alice")
	require.ErrorIs(t, err, protect.ErrUnavailable)
	require.ErrorIs(t, v.Health(ctx), protect.ErrUnavailable)
	for err != nil { // each try begins one generation more
		keys.SetFault(nil)
		var method protect.Method
		if method, err = v.Erase(ctx, "alice"); err == nil {
			assert.Equal(t, protect.MethodPurge, method)
		}
	}
	require.NoError(t, v.Subjects().Verify(ctx, "alice"))
	assert.Zero(t, v.Stats().FilesLeft)
	for _, info := range v.Compartments() {
		assert.NotEqual(t, "alice", info.Subject)
	}
	files := 0
	for file := range m.Files() {
		if strings.Count(file, "/") == 2 {
			files++
		}
	}
	assert.Equal(t, 2, files, "wifi and bob's letter: the space is given back")
}

// deny is an authorizer that lets nobody do anything.
type deny struct{}

func (deny) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{}
}

// TestEraseNobody: who names nobody is refused, not told of a purge.
func TestEraseNobody(t *testing.T) {
	_, v := device(t, token, few())
	for _, guard := range []access.Authorizer{deny{}, allow{}} {
		v.Guard(guard)
		for _, ctx := range []context.Context{t.Context(), somebody(t.Context())} {
			method, err := v.Erase(ctx)
			require.ErrorIs(t, err, fs.ErrInvalid)
			assert.Empty(t, method)
			method, err = v.EraseClasses(ctx, reset())
			require.ErrorIs(t, err, fs.ErrInvalid)
			assert.Empty(t, method)
		}
	}
	v.Guard(deny{})
	_, err := v.Erase(somebody(t.Context()), "alice")
	require.ErrorIs(t, err, access.ErrDenied)
}

// TestEraseOnFullDiskWithFewerAllowed: a release that allows fewer compartments than
// there are still keeps space for erasing one of them.
func TestEraseOnFullDiskWithFewerAllowed(t *testing.T) {
	ctx := somebody(t.Context())
	m := powercut.New()
	v, err := provision(ctx, m, token, &protect.Options{MaxCompartments: 100})
	require.NoError(t, err)
	long := strings.Repeat("s", 60)
	for i := range 80 {
		_, err = v.Subject(ctx, fmt.Sprintf("%s%d", long, i))
		require.NoError(t, err)
	}
	m.Settle()
	for file := range m.Files() { // the reserves of the earlier release
		if strings.Contains(file, "!") {
			require.NoError(t, m.FS().Remove(file))
		}
	}
	m.Settle()
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	used := int64(0)
	for _, raw := range m.Files() {
		used += int64(len(raw))
	}
	m.SetCapacity(used)
	for i := range 3 {
		_, err = v.Erase(ctx, fmt.Sprintf("%s%d", long, i))
		require.NoError(t, err)
	}
	require.ErrorIs(t, v.Health(ctx), durable.ErrFull, "the reserve that was used cannot be made good")
}
