package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// image is what a release says of itself. It lies behind the program in the slot's
// file: the same program with other words is another release. The trust anchors are
// part of the image, as on any device: who replaces them replaces the software.
type image struct {
	Version string `json:"version"`
	Number  uint64 `json:"number"`
	Healthy bool   `json:"healthy"` // what its health check finds
	Root    []byte `json:"root"`    // of the vendor's TUF repository
	CA      []byte `json:"ca"`      // of the vendor's HTTPS servers, DER
	Signer  []byte `json:"signer"`  // OpenPGP key of who may sign settings
}

// The trailer: JSON, its length in 4 bytes, a mark.
const mark = "baseline-gateway"

const maxTrailer = 64 << 10

// running reads the image that this process was started from.
func running() (*image, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	_, img, err := splitImage(f, st.Size())
	if img == nil && err == nil {
		err = errors.New("this program is not an image: it has no trailer")
	}
	return img, err
}

// splitImage returns how many bytes of r are program, and the image that the trailer
// describes; nil when there is none.
func splitImage(r io.ReaderAt, size int64) (program int64, img *image, err error) {
	const tail = len(mark) + 4
	end := make([]byte, tail)
	if size < int64(tail) {
		return size, nil, nil
	}
	if _, err := r.ReadAt(end, size-int64(tail)); err != nil {
		return 0, nil, err
	}
	if string(end[4:]) != mark {
		return size, nil, nil
	}
	n := int64(binary.BigEndian.Uint32(end))
	if n > maxTrailer || n+int64(tail) > size {
		return 0, nil, errors.New("image: trailer is too long")
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, size-int64(tail)-n); err != nil {
		return 0, nil, err
	}
	img = new(image)
	if err := json.Unmarshal(text, img); err != nil {
		return 0, nil, fmt.Errorf("image: trailer: %w", err)
	}
	return size - int64(tail) - n, img, nil
}

// makeImage returns the program in r, without a trailer that it may have, as img.
func makeImage(r io.ReaderAt, size int64, img image) (io.Reader, error) {
	program, _, err := splitImage(r, size)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(img)
	if err != nil {
		return nil, err
	}
	text = binary.BigEndian.AppendUint32(text, uint32(len(text)))
	return io.MultiReader(io.NewSectionReader(r, 0, program), bytes.NewReader(append(text, mark...))), nil
}
