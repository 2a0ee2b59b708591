package protect_test

import (
	"context"
	"testing"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// attacker has every value that was ever written, and may ask the key store to
// unseal what he likes. He does without the Vault.
type attacker struct {
	headers map[protect.HeaderFields]bool
	values  map[string]bool // of files and of remnants, without their frames
}

func newAttacker() *attacker {
	return &attacker{headers: map[protect.HeaderFields]bool{}, values: map[string]bool{}}
}

// take adds all files of a disk, spares and leftovers too.
func (a *attacker) take(t testing.TB, files map[string][]byte) {
	if files["vault/header"] != nil {
		a.headers[*headerOf(t, files)] = true
	}
	for _, value := range values(files) {
		a.values[string(value)] = true
	}
}

// takeWrite adds one write of a file.
func (a *attacker) takeWrite(raw []byte) {
	for _, value := range values(map[string][]byte{"": raw}) {
		a.values[string(value)] = true
	}
}

// reads returns every plaintext that he gets.
func (a *attacker) reads(ctx context.Context, unseal func([]byte) ([]byte, error)) (texts map[string]bool, tables int) {
	texts = map[string]bool{}
	var keys []*protect.OpenedKey
	for value := range a.values {
		for h := range a.headers {
			if o, err := protect.TryTable(&h, []byte(value), unseal); err == nil {
				keys = append(keys, o.Keys...)
				tables++
			}
		}
	}
	for value := range a.values {
		for _, k := range keys {
			if _, text, err := k.TryObject([]byte(value)); err == nil {
				texts[string(text)] = true
			}
		}
	}
	return texts, tables
}

// tokenOf lets the attacker ask the token of a machine.
func tokenOf(ctx context.Context, m *powercut.Machine) func([]byte) ([]byte, error) {
	k := protecttest.NewToken(m)
	return func(blob []byte) ([]byte, error) { return k.Unseal(ctx, blob) }
}

// tapped is a file system that shows an attacker every write.
type tapped struct {
	durable.FS
	a *attacker
}

func (f tapped) Open(name string, flag durable.Flag) (durable.File, error) {
	file, err := f.FS.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return tappedFile{file, f.a}, nil
}

type tappedFile struct {
	durable.File
	a *attacker
}

func (f tappedFile) WriteAt(p []byte, off int64) (int, error) {
	f.a.takeWrite(p)
	return f.File.WriteAt(p, off)
}

// openTapped is open on a tapped machine.
func openTapped(ctx context.Context, m *powercut.Machine, a *attacker, opts *protect.Options) (*protect.Vault, error) {
	return openWith(ctx, m, a, protecttest.NewToken(m), opts)
}

func openWith(ctx context.Context, m *powercut.Machine, a *attacker, keys protect.KeyStore, opts *protect.Options) (*protect.Vault, error) {
	dir, err := durable.OpenFS(tapped{m.FS(), a}, nil)
	if err != nil {
		return nil, err
	}
	v, err := protect.Open(ctx, dir, keys, opts)
	if err != nil {
		return nil, err
	}
	v.Guard(allow{})
	return v, nil
}
