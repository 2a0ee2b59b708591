package update

import (
	"context"
	"io"
	"io/fs"
)

// FS is a [Source] of the files of fsys, such as a stick that was put in. It trusts
// them as little as any other, and starts nothing by itself.
func FS(fsys fs.FS) Source { return fsSource{fsys} }

type fsSource struct{ fsys fs.FS }

func (s fsSource) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, 0, err
	}
	at := int64(0)
	if seeker, ok := f.(io.Seeker); ok && offset > 0 {
		if at, err = seeker.Seek(offset, io.SeekStart); err != nil {
			f.Close()
			return nil, 0, err
		}
	}
	var r io.Reader = reader{ctx, f}
	if length >= 0 {
		r = io.LimitReader(r, offset-at+length)
	}
	return readCloser{r, f}, at, nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context //nolint:containedctx // of the call that reads; io.Reader has none
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

type readCloser struct {
	io.Reader
	io.Closer
}
