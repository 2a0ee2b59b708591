package powercut_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// writeFile makes name hold data and syncs it.
func writeFile(fsys durable.FS, name, data string) error {
	f, err := fsys.Open(name, durable.Create)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(data), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

func syncDir(fsys durable.FS, name string) error {
	d, err := fsys.Open(name, durable.ReadOnly)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return err
	}
	return d.Close()
}

func readFile(fsys durable.FS, name string) (string, error) {
	f, err := fsys.Open(name, durable.ReadOnly)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil {
		return "", err
	}
	return string(data), f.Close()
}

// replace is the strategy that is right.
func replace(fsys durable.FS, name, data string) error {
	if err := writeFile(fsys, name+".tmp", data); err != nil {
		return err
	}
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(fsys, ".")
}

// valueOp is an op that replaces the content of the file "value" by put.
func valueOp(name string, put func(fsys durable.FS, name, data string) error) powercut.Op {
	return powercut.Op{
		Name:    name,
		Methods: []string{"put"},
		Before: func(_ context.Context, m *powercut.Machine) error {
			if err := replace(m.FS(), "value", "first"); err != nil {
				return err
			}
			return replace(m.FS(), "value", "the old value")
		},
		Do: func(_ context.Context, m *powercut.Machine) error {
			return put(m.FS(), "value", "the new one")
		},
		State: func(_ context.Context, m *powercut.Machine) (string, error) {
			return readFile(m.FS(), "value")
		},
	}
}

// testLog is an append log: frames of length, checksum, data.
type testLog struct {
	zeroFrames bool // a frame may be empty, and the checksum does not cover the length
	loose      bool // the checksum does not cover the place of the frame
	cutDamage  bool // everything after the first damaged frame is cut away
	keepFailed bool // a frame whose sync failed stays, for the next start to find
}

const frameHeader = 6

func (l testLog) frame(data string, off int) []byte {
	head := binary.BigEndian.AppendUint16(nil, uint16(len(data)))
	return append(binary.BigEndian.AppendUint32(head, l.sum(data, off)), data...)
}

func (l testLog) sum(data string, off int) uint32 {
	switch {
	case l.zeroFrames:
		return crc32.ChecksumIEEE([]byte(data))
	case l.loose:
		return crc32.ChecksumIEEE(fmt.Appendf(nil, "%d %s", len(data), data))
	}
	return crc32.ChecksumIEEE(fmt.Appendf(nil, "%d %d %s", off, len(data), data))
}

// at returns the record at off, and where the next one begins.
func (l testLog) at(content string, off int) (record string, next int, ok bool) {
	if len(content)-off < frameHeader {
		return "", 0, false
	}
	size := int(binary.BigEndian.Uint16([]byte(content[off:])))
	next = off + frameHeader + size
	if next > len(content) || size == 0 && !l.zeroFrames {
		return "", 0, false
	}
	record = content[off+frameHeader : next]
	return record, next, binary.BigEndian.Uint32([]byte(content[off+2:])) == l.sum(record, off)
}

// open returns the records and the length of the sound part, to which it cuts the file.
func (l testLog) open(fsys durable.FS) (records []string, size int, err error) {
	content, err := readFile(fsys, "log")
	if err != nil {
		return nil, 0, err
	}
	for {
		record, next, ok := l.at(content, size)
		if !ok {
			break
		}
		records, size = append(records, record), next
	}
	for off := size + 1; off < len(content) && !l.cutDamage; off++ {
		if _, _, ok := l.at(content, off); ok && !l.zeroFrames {
			return nil, 0, durable.ErrCorrupt
		}
	}
	if size == len(content) {
		return records, size, nil
	}
	f, err := fsys.Open("log", durable.ReadWrite)
	if err != nil {
		return nil, 0, err
	}
	if err := f.Truncate(int64(size)); err != nil {
		return nil, 0, err
	}
	return records, size, f.Sync()
}

// append writes the frames of all records at once.
func (l testLog) append(fsys durable.FS, records ...string) error {
	_, size, err := l.open(fsys)
	if err != nil {
		return err
	}
	f, err := fsys.Open("log", durable.ReadWrite)
	if err != nil {
		return err
	}
	var batch []byte
	for _, record := range records {
		batch = append(batch, l.frame(record, size+len(batch))...)
	}
	_, err = f.WriteAt(batch, int64(size))
	if err == nil {
		err = f.Sync()
	}
	if err != nil && !l.keepFailed {
		return errors.Join(err, f.Truncate(int64(size)))
	}
	return err
}

func (l testLog) before(_ context.Context, m *powercut.Machine) error {
	if err := writeFile(m.FS(), "log", ""); err != nil {
		return err
	}
	if err := syncDir(m.FS(), "."); err != nil {
		return err
	}
	return errors.Join(l.append(m.FS(), "one"), l.append(m.FS(), "two"))
}

func logOp(name string, l testLog) powercut.Op {
	return powercut.Op{
		Name: name, Methods: []string{"append"}, Before: l.before,
		Do: func(_ context.Context, m *powercut.Machine) error { return l.append(m.FS(), "three") },
		State: func(_ context.Context, m *powercut.Machine) (string, error) {
			records, _, err := l.open(m.FS())
			return strings.Join(records, ","), err
		},
	}
}

// batchOp appends a batch that is larger than a sector. testLog takes a sound frame
// behind a bad one for a sign of damage, which is wrong here: any frame of a batch
// that was cut short may be missing, also the first.
func batchOp(name string) powercut.Op {
	l := testLog{}
	op := logOp(name, l)
	op.Do = func(_ context.Context, m *powercut.Machine) error {
		return l.append(m.FS(), strings.Repeat("three", 200), "four")
	}
	op.Legal = func(old, _, got string) error {
		if !strings.HasPrefix(got, old+",three") { // one beginning of the batch, or several
			return errors.New("not the beginning of the batch")
		}
		return nil
	}
	return op
}

// pair keeps two files equal by a journal: intent, act, result.
type pair struct {
	flagFirst bool // removes the intent before the act
	forget    bool // recovery removes the intent before the act
}

func (p pair) act(fsys durable.FS, value string, early bool) error {
	steps := []func() error{
		func() error { return replace(fsys, "left", value) },
		func() error { return replace(fsys, "right", value) },
	}
	finish := func() error {
		if err := fsys.Remove("intent"); err != nil {
			return err
		}
		return syncDir(fsys, ".")
	}
	if early {
		steps = append([]func() error{finish}, steps...)
	} else {
		steps = append(steps, finish)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// recover finishes what an intent tells.
func (p pair) recover(fsys durable.FS) error {
	value, err := readFile(fsys, "intent")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.act(fsys, value, p.forget)
}

func (p pair) op(name string) powercut.Op {
	return powercut.Op{
		Name: name, Methods: []string{"both"},
		Before: func(_ context.Context, m *powercut.Machine) error {
			return errors.Join(replace(m.FS(), "left", "old"), replace(m.FS(), "right", "old"))
		},
		Do: func(_ context.Context, m *powercut.Machine) error {
			if err := p.recover(m.FS()); err != nil {
				return err
			}
			if err := replace(m.FS(), "intent", "new"); err != nil {
				return err
			}
			return p.act(m.FS(), "new", p.flagFirst)
		},
		State: func(_ context.Context, m *powercut.Machine) (string, error) {
			if err := p.recover(m.FS()); err != nil {
				return "", err
			}
			left, lerr := readFile(m.FS(), "left")
			right, rerr := readFile(m.FS(), "right")
			return left + "/" + right, errors.Join(lerr, rerr)
		},
	}
}
