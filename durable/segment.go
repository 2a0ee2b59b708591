package durable

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// A segment file: header | frames. See docs/formats.md.
//
//	header: "bdl" | version 1 | salt, 8 bytes, random | CRC-32C over them and the first record's number
//	frame:  length | kind | CRC-32C | payload
//
// Numbers are big-endian; length and CRC take 4 bytes. A frame's CRC covers salt,
// the frame's offset, length, kind and payload: what another segment or another
// place left behind is never a frame. A length is at least 1, so zeros are not a
// frame either. Frames are records, or marks: the number below which every record
// was durable when the mark was written.
const (
	segmentMagic   = "bdl"
	segmentVersion = 1
	segmentHeader  = 16
	frameOverhead  = 9
	markFrame      = frameOverhead + 8

	kindRecord = 'r'
	kindMark   = 'm'

	reserveName = "reserve"
)

// segment is one file of a log, open for writing or only parsed.
type segment struct {
	file  File
	first uint64 // number of its first record
	salt  [8]byte
	size  int64 // bytes known to be on the medium
}

func segmentName(first uint64) string { return fmt.Sprintf("%016x", first) }

func parseSegmentName(name string) (uint64, bool) {
	if len(name) != 16 {
		return 0, false
	}
	first, err := strconv.ParseUint(name, 16, 64)
	return first, err == nil && segmentName(first) == name
}

func newSegment(first uint64) segment {
	s := segment{first: first, size: segmentHeader}
	rand.Read(s.salt[:])
	return s
}

func (s *segment) header() []byte {
	h := append([]byte(segmentMagic), segmentVersion)
	h = append(h, s.salt[:]...)
	return binary.BigEndian.AppendUint32(h, s.headerSum(segmentVersion))
}

func (s *segment) headerSum(version byte) uint32 {
	b := append([]byte(segmentMagic), version)
	b = append(b, s.salt[:]...)
	return crc32.Checksum(binary.BigEndian.AppendUint64(b, s.first), castagnoli)
}

// parseHeader reads the header of the segment whose first record is first.
func parseHeader(first uint64, raw []byte) (segment, error) {
	s := segment{first: first}
	if len(raw) < segmentHeader || !bytes.HasPrefix(raw, []byte(segmentMagic)) {
		return s, ErrCorrupt
	}
	copy(s.salt[:], raw[4:12])
	if binary.BigEndian.Uint32(raw[12:]) != s.headerSum(raw[3]) {
		return s, ErrCorrupt
	}
	if raw[3] != segmentVersion {
		return s, fmt.Errorf("%w: log version %d, want %d", ErrFormat, raw[3], segmentVersion)
	}
	return s, nil
}

// appendFrame encodes a frame at the end of buf, which lies at s.size.
func (s *segment) appendFrame(buf []byte, kind byte, payload []byte) []byte {
	off := s.size + int64(len(buf))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(payload)))
	buf = append(buf, kind)
	buf = binary.BigEndian.AppendUint32(buf, s.frameSum(off, kind, payload))
	return append(buf, payload...)
}

func (s *segment) appendMark(buf []byte, durable uint64) []byte {
	return s.appendFrame(buf, kindMark, binary.BigEndian.AppendUint64(nil, durable))
}

func (s *segment) frameSum(off int64, kind byte, payload []byte) uint32 {
	var head [21]byte
	copy(head[:8], s.salt[:])
	binary.BigEndian.PutUint64(head[8:], uint64(off))
	binary.BigEndian.PutUint32(head[16:], uint32(len(payload)))
	head[20] = kind
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, payload)
}

// frameAt returns the frame at off, if there is one.
func (s *segment) frameAt(raw []byte, off int64) (kind byte, payload []byte, end int64, ok bool) {
	if int64(len(raw))-off < frameOverhead+1 {
		return 0, nil, 0, false
	}
	n := int64(binary.BigEndian.Uint32(raw[off:]))
	if n < 1 || n > int64(len(raw))-off-frameOverhead {
		return 0, nil, 0, false
	}
	kind = raw[off+4]
	end = off + frameOverhead + n
	payload = raw[off+frameOverhead : end]
	if binary.BigEndian.Uint32(raw[off+5:]) != s.frameSum(off, kind, payload) {
		return 0, nil, 0, false
	}
	return kind, payload, end, kind == kindRecord || kind == kindMark && n == 8
}

// parsed is what the bytes of a segment hold.
type parsed struct {
	records [][]byte
	offsets []int64 // of the records' frames
	end     int64   // of the last good frame
	marked  int64   // offset of the last mark; 0 when there is none
	proven  uint64  // what that mark says: records below were durable
}

// parse reads frames up to the first bytes that are none.
func (s *segment) parse(raw []byte) parsed {
	p := parsed{end: segmentHeader, proven: s.first}
	for {
		kind, payload, end, ok := s.frameAt(raw, p.end)
		if !ok {
			return p
		}
		if kind == kindMark {
			p.proven, p.marked = binary.BigEndian.Uint64(payload), p.end
		} else {
			p.records = append(p.records, payload)
			p.offsets = append(p.offsets, p.end)
		}
		p.end = end
	}
}

// unproven returns the offset from which on nothing shows that the bytes are on
// the medium: not the header without a mark, not the last mark itself.
func (p parsed) unproven(first uint64) int64 {
	if n := p.proven - first; p.proven >= first && n < uint64(len(p.offsets)) {
		return min(p.marked, p.offsets[n])
	}
	return p.marked
}

// newestMark returns the highest number that a mark behind off gives, or 0. If it
// says that records were durable which are not there, the bytes at off are damage,
// not the end of an interrupted write. Frames of records prove nothing: sectors of
// one write may reach the medium in any order.
func (s *segment) newestMark(raw []byte, off int64) (durable uint64) {
	for off++; off+markFrame <= int64(len(raw)); off++ {
		if binary.BigEndian.Uint32(raw[off:]) != 8 || raw[off+4] != kindMark {
			continue
		}
		if _, payload, _, ok := s.frameAt(raw, off); ok {
			durable = max(durable, binary.BigEndian.Uint64(payload))
		}
	}
	return durable
}

// known returns a number up to which, as far as raw tells, records were given
// numbers; the segment is damaged, so one at least cannot be read.
func (s *segment) known(raw []byte) uint64 {
	p := s.parse(raw)
	return max(s.first+uint64(len(p.records))+1, s.newestMark(raw, p.end))
}

// moved returns the records among the frames in buf as frames of s.
func (s *segment) moved(buf []byte) (frames []byte) {
	for len(buf) > 0 {
		end := frameOverhead + int(binary.BigEndian.Uint32(buf))
		if buf[4] == kindRecord {
			frames = s.appendFrame(frames, kindRecord, buf[frameOverhead:end])
		}
		buf = buf[end:]
	}
	return frames
}

func readSegment(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = maxSegment + maxRecord
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, most+1))
	if err == nil && len(raw) > most {
		err = ErrCorrupt
	}
	return raw, err
}
