package powercut_test

import (
	"fmt"
	"io"
	"io/fs"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func TestFS(t *testing.T) {
	m := powercut.New()
	fsys := m.FS()
	require.NoError(t, fsys.Mkdir("d"))
	require.ErrorIs(t, fsys.Mkdir("d"), fs.ErrExist)
	require.NoError(t, writeFile(fsys, "d/b", "bb"))
	require.NoError(t, writeFile(fsys, "d/a", "a"))
	list, err := fsys.List("d")
	require.NoError(t, err)
	assert.Equal(t, []durable.Info{{Name: "a", Size: 1}, {Name: "b", Size: 2}}, list)
	require.NoError(t, fsys.Rename("d/a", "d/b"))
	got, err := readFile(fsys, "d/b")
	require.NoError(t, err)
	assert.Equal(t, "a", got)
	require.Error(t, fsys.Remove("d"), "not empty")
	require.NoError(t, fsys.Remove("d/b"))
	require.NoError(t, fsys.Remove("d"))
	list, err = fsys.List(".")
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestFSErrors(t *testing.T) {
	fsys := powercut.New().FS()
	require.NoError(t, fsys.Mkdir("d"))
	require.NoError(t, writeFile(fsys, "f", "x"))
	open := func(name string, flag durable.Flag) func() error {
		return func() error { _, err := fsys.Open(name, flag); return err }
	}
	tests := map[string]struct {
		call func() error
		want error
	}{
		"open missing":         {open("no", durable.ReadWrite), fs.ErrNotExist},
		"open below a file":    {open("f/x", durable.Create), fs.ErrNotExist},
		"open outside":         {open("../f", durable.ReadOnly), fs.ErrInvalid},
		"write a directory":    {open("d", durable.Create), fs.ErrInvalid},
		"rename missing":       {func() error { return fsys.Rename("no", "x") }, fs.ErrNotExist},
		"rename elsewhere":     {func() error { return fsys.Rename("f", "d/f") }, fs.ErrInvalid},
		"rename to directory":  {func() error { return fsys.Rename("f", "d") }, fs.ErrExist},
		"remove missing":       {func() error { return fsys.Remove("no") }, fs.ErrNotExist},
		"remove the directory": {func() error { return fsys.Remove(".") }, fs.ErrInvalid},
		"list missing":         {func() error { _, err := fsys.List("no"); return err }, fs.ErrNotExist},
		"list a file":          {func() error { _, err := fsys.List("f"); return err }, fs.ErrInvalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.ErrorIs(t, test.call(), test.want) })
	}
}

func TestFile(t *testing.T) {
	m := powercut.New()
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("xy"), 3)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(6))
	buf := make([]byte, 8)
	n, err := f.ReadAt(buf, 0)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, "\x00\x00\x00xy\x00", string(buf[:n]))
	_, err = f.WriteAt(nil, -1)
	require.ErrorIs(t, err, fs.ErrInvalid)
	r, err := m.FS().Open("f", durable.ReadOnly)
	require.NoError(t, err)
	_, err = r.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Sync(), fs.ErrClosed)
	m.Settle()
	require.ErrorIs(t, r.Sync(), fs.ErrClosed, "of the boot before")
}

func TestNoCallAfterTheCut(t *testing.T) {
	m := powercut.New()
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	require.NoError(t, m.Store("tpm", "k", []byte("v")))
	m.Cut(1)
	require.NoError(t, m.Step("tpm", "extend"))
	require.ErrorIs(t, m.Step("tpm", "extend"), powercut.ErrPower)
	_, err = f.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, powercut.ErrPower)
	_, err = m.FS().List(".")
	require.ErrorIs(t, err, powercut.ErrPower)
	require.ErrorIs(t, f.Close(), powercut.ErrPower)
	require.ErrorIs(t, m.Store("tpm", "k", nil), powercut.ErrPower)
	assert.Equal(t, "v", string(m.Load("tpm", "k")))
	assert.Equal(t, 3, m.Steps())
	m.Drop()
	require.NoError(t, m.Store("tpm", "k", nil))
	assert.Nil(t, m.Load("tpm", "k"))
	assert.Empty(t, m.Files(), "the name was never synced")
}

func TestFaultsOfWriteAndStore(t *testing.T) {
	m := powercut.New()
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	m.Fail(0, powercut.Torn)
	n, err := f.WriteAt([]byte("abcd"), 0)
	require.ErrorIs(t, err, powercut.ErrIO)
	assert.Equal(t, 2, n)
	m.Fail(0, powercut.Full)
	_, err = f.WriteAt([]byte("AB"), 0)
	require.NoError(t, err, "allocated already")
	_, err = f.WriteAt([]byte("ABCD"), 0)
	require.ErrorIs(t, err, durable.ErrFull)
	require.ErrorIs(t, m.FS().Mkdir("d"), durable.ErrFull, "still")
	m.Fail(0, powercut.NoFault)
	require.NoError(t, m.FS().Mkdir("d"))
	m.Fail(0, powercut.NoReply)
	require.ErrorIs(t, m.Store("tpm", "k", []byte("v")), powercut.ErrIO)
	assert.Equal(t, "v", string(m.Load("tpm", "k")))
	m.Fail(0, powercut.Fail)
	require.ErrorIs(t, m.Store("tpm", "k", []byte("w")), powercut.ErrIO)
	assert.Equal(t, "v", string(m.Load("tpm", "k")))
}

func TestCapacity(t *testing.T) {
	m := powercut.New()
	m.SetCapacity(10)
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	write(t, f, "12345678", 0)
	n, err := f.WriteAt([]byte("abcd"), 7)
	require.ErrorIs(t, err, durable.ErrFull)
	assert.Equal(t, 3, n, "what fits: one byte over, two new")
	write(t, f, "0123456789", 0)
	require.NoError(t, f.Truncate(20), "a hole takes nothing")
	_, err = f.WriteAt([]byte("x"), 15)
	require.ErrorIs(t, err, durable.ErrFull)
	g, err := m.FS().Open("g", durable.Create)
	require.NoError(t, err, "names take nothing")
	require.NoError(t, m.FS().Rename("g", "h"))
	require.NoError(t, f.Truncate(9))
	write(t, g, "x", 0)
	require.NoError(t, m.FS().Remove("f"))
	write(t, g, "123456789", 1)
	m.Settle()
	_, err = m.FS().Open("h", durable.ReadWrite)
	require.NoError(t, err)
}

// Less than is used already leaves no space, but what is allocated can be written.
func TestCapacityBelowWhatIsUsed(t *testing.T) {
	m := powercut.New()
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	write(t, f, "12345678", 0)
	m.SetCapacity(3)
	write(t, f, "abcdefgh", 0)
	n, err := f.WriteAt([]byte("xyz"), 7)
	require.ErrorIs(t, err, durable.ErrFull)
	assert.Equal(t, 1, n, "the byte over an old one")
	require.NoError(t, f.Truncate(2))
	write(t, f, "Z", 2)
}

func TestCopyOnWriteNeedsSpaceToOverwrite(t *testing.T) {
	m := powercut.New()
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	write(t, f, "12345678", 0)
	m.SetCopyOnWrite(true)
	m.SetCapacity(10)
	n, err := f.WriteAt([]byte("abc"), 0)
	require.ErrorIs(t, err, durable.ErrFull)
	assert.Equal(t, 2, n)
	write(t, f, "xy", 3)
	write(t, f, "zz", 8)
	_, err = f.WriteAt([]byte("a"), 0)
	require.ErrorIs(t, err, durable.ErrFull)
	_, err = f.WriteAt(nil, 0)
	require.NoError(t, err)
}

func TestImage(t *testing.T) {
	m := powercut.New()
	require.NoError(t, replace(m.FS(), "f", "old"))
	require.NoError(t, m.Store("tpm", "gen", []byte("1")))
	img := m.Image()
	require.NoError(t, replace(m.FS(), "f", "new"))
	require.NoError(t, m.Store("tpm", "gen", []byte("2")))
	m.Restore(img)
	assert.Equal(t, "old", string(m.Files()["f"]))
	assert.Equal(t, "2", string(m.Load("tpm", "gen")))
	require.NoError(t, replace(m.FS(), "f", "again"))
	m.Restore(img)
	assert.Equal(t, "old", string(m.Files()["f"]), "an image does not change")
	m.Restore(powercut.Image{})
	assert.Empty(t, m.Files())
}

func TestCloneIsIndependent(t *testing.T) {
	m := powercut.New()
	f, err := m.FS().Open("f", durable.Create)
	require.NoError(t, err)
	write(t, f, "ab", 0)
	c := m.Clone()
	write(t, f, "X", 0)
	require.NoError(t, m.Store("tpm", "k", []byte("v")))
	assert.Equal(t, "ab", string(c.Files()["f"]))
	assert.Nil(t, c.Load("tpm", "k"))
	require.NoError(t, replace(c.FS(), "f", "clone"))
	assert.Equal(t, "Xb", string(m.Files()["f"]))
}

func TestFlip(t *testing.T) {
	m := powercut.New()
	require.NoError(t, replace(m.FS(), "a", "\x00"))
	require.NoError(t, replace(m.FS(), "b", "\x00\x00"))
	var where []string
	sum := 0
	calls := powercut.Flip(m, nil, func(c *powercut.Machine, at string) {
		where = append(where, at)
		for _, content := range c.Files() {
			for _, b := range content {
				sum += int(b)
			}
		}
	})
	assert.Equal(t, 24, calls)
	assert.Len(t, where, calls)
	assert.Equal(t, 3*255, sum, "each bit once")
	assert.Equal(t, "b:1.7", where[23])
	assert.Equal(t, 2+3, powercut.Flip(m, &powercut.FlipOptions{Stride: 7}, func(*powercut.Machine, string) {}))
	assert.Equal(t, "\x00", string(m.Files()["a"]))
}

func TestMachineIsSafeForConcurrentUse(t *testing.T) {
	m := powercut.New()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			name := fmt.Sprint(i)
			assert.NoError(t, replace(m.FS(), name, name))
			assert.NoError(t, m.Store("tpm", name, []byte(name)))
			_ = m.Clone()
			_ = m.Survivors()
		})
	}
	group.Wait()
	assert.Len(t, m.Files(), 8)
	assert.Equal(t, 8*6, m.Steps())
}
