package bench

import (
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
)

// write makes the file name with text, durably: a key that is lost after the first
// device was made with it is lost for all of them.
func write(fsys durable.FS, name string, text []byte) error {
	if dir := path.Dir(name); dir != "." {
		if err := fsys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	f, err := fsys.Open(name, durable.Create)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(fsys, path.Dir(name))
}

func syncDir(fsys durable.FS, name string) error {
	d, err := fsys.Open(name, durable.ReadOnly)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const maxFile = 1 << 20

func read(fsys durable.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, durable.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, 0, maxFile))
}
