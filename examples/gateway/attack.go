package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// exchange is what somebody does who got into the manufacturer's server, where no key
// is: he puts an image of his own in the place of the newest release, and a document
// that fits. undo puts back what was there.
func (d *desk) exchange(ctx context.Context, img image) (undo func() error, err error) {
	folder := filepath.Join(d.folder, "repository", "targets")
	document, err := newest(filepath.Join(folder, "releases", product, "*."+channel+".json"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return nil, err
	}
	var release update.Release
	if err := json.Unmarshal(text, &release); err != nil {
		return nil, err
	}
	c := &release.Components[0]
	place := filepath.Join(folder, filepath.FromSlash(filepath.Dir(c.Path)), c.Digest.String()+"."+filepath.Base(c.Path))
	before, err := os.ReadFile(place)
	if err != nil {
		return nil, err
	}
	r, err := d.image(img)
	if err != nil {
		return nil, err
	}
	evil, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	release.Version, release.Number, release.Floor = img.Version, img.Number, img.Number
	c.Version, c.Length, c.Digest = img.Version, int64(len(evil)), sha256.Sum256(evil)
	forged, err := json.Marshal(release)
	if err != nil {
		return nil, err
	}
	undo = func() error { return errors.Join(overwrite(document, text), overwrite(place, before)) }
	return undo, errors.Join(overwrite(document, forged), overwrite(place, evil))
}

// newest returns the file that was changed last.
func newest(pattern string) (string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	var last string
	var at os.FileInfo
	for _, name := range files {
		st, err := os.Stat(name)
		if err != nil {
			return "", err
		}
		if at == nil || st.ModTime().After(at.ModTime()) {
			last, at = name, st
		}
	}
	if last == "" {
		return "", errors.New("no file " + pattern)
	}
	return last, nil
}

func overwrite(name string, text []byte) error {
	raw, err := durable.OpenRaw(filepath.Dir(name), nil)
	if err != nil {
		return err
	}
	f, err := raw.Open(filepath.Base(name), durable.Create)
	if err != nil {
		return errors.Join(err, raw.Close())
	}
	_, err = f.WriteAt(text, 0)
	return errors.Join(err, f.Sync(), f.Close(), raw.Close())
}
