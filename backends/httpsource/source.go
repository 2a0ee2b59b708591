package httpsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/iot-device-baseline/baseline/update"
)

// What went wrong besides the network. Both come together with
// [update.ErrUnavailable]: another time, or another source, may do better.
var (
	// ErrRefused: the answer is not one that a well-behaved server gives.
	ErrRefused = errors.New("answer refused")
	// ErrChanged: the file is no longer the one that this source began to read. It is
	// told once; the next Open takes the file as it is, and the digest decides.
	ErrChanged = errors.New("file changed on the server")
)

// Source is an [update.Source]. It may be used concurrently.
type Source struct {
	base *url.URL
	opts Options
	http *http.Client

	mu   sync.Mutex
	seen map[string]version // by name; at most maxSeen
}

// version is what tells one content of a file from another.
type version struct {
	etag  string // strong; "" when the server gives none
	total int64  // bytes; -1 when it does not say
}

const maxSeen = 64

// New returns a source of the files below base, "https://host/path". It does no I/O.
// An Options without Dial is refused.
func New(base string, opts *Options) (*Source, error) {
	o, err := opts.orDefaults()
	if err != nil {
		return nil, err
	}
	u, err := parseBase(base, o.Localhost)
	if err != nil {
		return nil, err
	}
	return &Source{base: u, opts: o, http: client(u, &o), seen: map[string]version{}}, nil
}

// Close closes connections that wait for the next use. Files that are open stay so.
func (s *Source) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

// Open implements [update.Source] by one GET, with a Range where one is needed. A file
// that changed since an earlier Open of the same name gives [ErrChanged].
//
// 404, 403 and 410 are [io/fs.ErrNotExist]; everything else that goes wrong is
// [update.ErrUnavailable], a *durable.RetryError where the server says when to come
// again.
func (s *Source) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if !fs.ValidPath(name) || name == "." || offset < 0 || length < -1 || max(offset, length) > update.MaxImage {
		return nil, 0, fmt.Errorf("httpsource: open %q: %w", name, fs.ErrInvalid)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath(segments(name)...).String(), nil)
	if err != nil {
		cancel(nil)
		return nil, 0, failure(name, ErrRefused)
	}
	known := s.known(name)
	ask(req, offset, length, known)
	resp, err := s.http.Do(req)
	if err != nil {
		err = failure(name, reason(ctx, err))
		cancel(nil)
		return nil, 0, err
	}
	a, err := s.judge(name, resp, offset, length, known)
	if err != nil {
		err = errors.Join(failure(name, err), resp.Body.Close())
		cancel(nil)
		return nil, 0, err
	}
	return newBody(ctx, cancel, resp.Body, a, s.opts.Stall), a.at, nil
}

// ask sets the headers of a request. If-Range lets the server send the range only if
// the file is still the one that was begun.
func ask(req *http.Request, offset, length int64, known version) {
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "baseline")
	if offset == 0 && length < 0 {
		return
	}
	last := ""
	if length >= 0 {
		last = strconv.FormatInt(offset+max(length, 1)-1, 10)
	}
	req.Header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-"+last)
	if offset > 0 && known.etag != "" {
		req.Header.Set("If-Range", known.etag)
	}
}

func (s *Source) known(name string) version {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.seen[name]
	if !ok {
		return version{total: -1}
	}
	return v
}

func (s *Source) remember(name string, v version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.seen[name]; !ok && len(s.seen) >= maxSeen {
		clear(s.seen) // to forget costs only the notice of a change
	}
	s.seen[name] = v
}

func (s *Source) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, name)
}

// failure wraps what went wrong. A name comes from verified metadata and is no secret.
func failure(name string, cause error) error {
	if errors.Is(cause, fs.ErrNotExist) {
		return fmt.Errorf("httpsource: %q: %w", name, cause)
	}
	return fmt.Errorf("httpsource: %q: %w: %w", name, update.ErrUnavailable, cause)
}

// reason gives the cause without the URL around it.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
