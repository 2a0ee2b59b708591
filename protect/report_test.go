package protect_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func TestReport(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	r := v.Report(ctx)
	assert.Equal(t, protect.Report{
		KeyStore: r.KeyStore, Generation: 1, Erasure: protect.MethodPurge, Rollback: protect.RollbackAnchored, Compartments: 8, Subjects: 2,
	}, r)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"advance":"every copy"`)
	assert.Contains(t, string(text), `"rollback":"anchored: `)
	assert.Contains(t, r.String(), "token (hardware)")
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	assert.EqualValues(t, 3, v.Report(ctx).Generation, "two advances")
	assert.EqualValues(t, 2, v.Stats().Advances)
	assert.EqualValues(t, 1, v.Stats().Erasures)
}

func TestDescribe(t *testing.T) {
	_, v := device(t, software, few())
	got, err := v.Describe(t.Context())
	require.NoError(t, err)
	told := map[string]string{}
	for _, s := range got {
		told[s.Name] = s.Value
	}
	assert.Equal(t, "softkeys", told["key store"])
	assert.Equal(t, "false", told["hardware"])
	assert.Equal(t, "clear: live copies only", told["erasure"])
	assert.Equal(t, protect.RollbackNone, told["rollback"])
}

func TestFeatures(t *testing.T) {
	_, v := device(t, token, few())
	features := v.Features()
	require.NoError(t, clause.Check(features))
	require.Len(t, features, 1)
	assert.Equal(t, "protect.vault", features[0].ID)
	assert.Equal(t, features, v.Features())
	erasing := v.Subjects().Features()
	require.NoError(t, clause.Check(append(features, erasing...)))
	require.Len(t, erasing, 1)
	assert.Equal(t, []clause.Setting{{Name: "method", Value: string(protect.MethodPurge)}}, erasing[0].Settings)
	assert.Equal(t, "vault", v.Subjects().Name())
}

func TestErrorTypes(t *testing.T) {
	for _, s := range []error{protect.ErrTampered, protect.ErrRollback, protect.ErrForeign} {
		err := error(&protect.ObjectError{Class: protect.ClassSettings, Name: "n", Action: "act", Err: s})
		assert.ErrorIs(t, err, s)
		assert.ErrorIs(t, err, durable.ErrCorrupt, "a Store's damage")
		assert.False(t, errors.Is(err, fs.ErrNotExist))
		assert.Contains(t, err.Error(), "protect: settings: n: ")
	}
	assert.NotErrorIs(t, protect.ErrMissing, fs.ErrNotExist, "an erased value is not one that was never stored")
	for _, c := range protect.Classes() {
		assert.NotEqual(t, "unknown", c.String())
	}
}

// syncless is a file system on which the sync of no directory works while it is on.
type syncless struct {
	durable.FS
	on bool
}

func (s *syncless) Open(name string, flag durable.Flag) (durable.File, error) {
	f, err := s.FS.Open(name, flag)
	if err == nil && flag == durable.ReadOnly {
		f = synclessFile{f, s}
	}
	return f, err
}

type synclessFile struct {
	durable.File
	s *syncless
}

func (f synclessFile) Sync() error {
	if f.s.on {
		return errSector
	}
	return f.File.Sync()
}

// What the directory says reaches who asks the vault, and so the device.
func TestHealthOfTheDirectory(t *testing.T) {
	ctx := t.Context()
	m, _ := device(t, token, few())
	s := &syncless{FS: m.FS()}
	dir, err := durable.OpenFS(s, nil)
	require.NoError(t, err)
	v, err := protect.Open(ctx, dir, protecttest.NewToken(m), few())
	require.NoError(t, err)
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", nil))
	require.NoError(t, v.Health(ctx))
	s.on = true
	require.ErrorIs(t, settingsOf(t, v).Put(ctx, "a", []byte("new")), errSector)
	require.ErrorIs(t, v.Health(ctx), errSector)
	s.on = false
	require.NoError(t, v.Health(ctx))
	h, err := dir.Hold(ctx, "reset")
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx), "who ordered that tells it")
	require.NoError(t, h.Release(ctx))
}
