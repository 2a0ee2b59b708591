package publish_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// watched calls look before and after each change of a directory.
type watched struct {
	durable.FS
	look func()
}

func (w watched) Open(name string, flag durable.Flag) (durable.File, error) {
	w.look()
	f, err := w.FS.Open(name, flag)
	w.look()
	if err != nil {
		return nil, err
	}
	return watchedFile{f, w.look}, nil
}

func (w watched) Rename(from, to string) error {
	defer w.look()
	return w.FS.Rename(from, to)
}

type watchedFile struct {
	durable.File
	look func()
}

func (f watchedFile) WriteAt(p []byte, off int64) (int, error) {
	defer f.look()
	return f.File.WriteAt(p, off)
}

// TestReaderBetween: a device that reads while a release is published, at any step,
// sees the release before or the new one, whole.
func TestReaderBetween(t *testing.T) {
	m := powercut.New()
	require.NoError(t, both(t.Context(), m))
	var seen []string
	looks := 0
	w := watched{m.FS(), func() {
		got, err := offered(t.Context(), m.FS(), start)
		require.NoError(t, err)
		looks++
		if len(seen) == 0 || seen[len(seen)-1] != got {
			seen = append(seen, got)
		}
	}}
	r, err := publish.Open(t.Context(), w, four(), at(start))
	require.NoError(t, err)
	_, err = r.AddRelease(t.Context(), release(3), images(3))
	require.NoError(t, err)
	t.Logf("looks=%d", looks)
	require.Greater(t, looks, 40)
	require.Equal(t, []string{
		"release 2 floor 1 app=the application 2 system=the system 2the s",
		"release 3 floor 1 app=the application 3 system=the system 3the s",
	}, seen)
}
