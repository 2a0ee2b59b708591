package httpsource

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// answer is what is read of a response.
type answer struct {
	at    int64 // where the body begins
	limit int64 // bytes that may come
	exact bool  // so many must come
}

// judge decides about the head of an answer.
func (s *Source) judge(name string, resp *http.Response, offset, length int64, known version) (answer, error) {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return answer{}, fmt.Errorf("%w: encoded", ErrRefused)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return s.whole(name, resp, offset, length, known)
	case http.StatusPartialContent:
		return s.part(name, resp, offset, length, known)
	case http.StatusRequestedRangeNotSatisfiable:
		return s.beyond(name, resp, offset, known)
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone:
		return answer{}, fmt.Errorf("status %d: %w", resp.StatusCode, fs.ErrNotExist)
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return answer{}, retryAfter(resp, fmt.Errorf("status %d", resp.StatusCode))
	}
	return answer{}, fmt.Errorf("%w: status %d", ErrRefused, resp.StatusCode)
}

// whole is a 200: the file from its beginning, also when a range was asked for.
func (s *Source) whole(name string, resp *http.Response, offset, length int64, known version) (answer, error) {
	now := version{etag: strong(resp), total: resp.ContentLength}
	if offset > 0 && known.differs(now) {
		s.forget(name)
		return answer{}, ErrChanged
	}
	s.remember(name, now)
	a := answer{limit: update.MaxImage}
	if length >= 0 {
		a.limit = min(a.limit, offset+length)
	}
	return a, nil
}

// part is a 206: exactly the range, or its beginning.
func (s *Source) part(name string, resp *http.Response, offset, length int64, known version) (answer, error) {
	if resp.Request.Header.Get("Range") == "" {
		return answer{}, fmt.Errorf("%w: a range that was not asked for", ErrRefused)
	}
	r, ok := parseRange(resp.Header.Get("Content-Range"))
	switch {
	case !ok || r.first < 0:
		return answer{}, fmt.Errorf("%w: bad Content-Range", ErrRefused)
	case r.first != offset || length >= 0 && r.last >= offset+max(length, 1):
		return answer{}, fmt.Errorf("%w: range %d-%d, not the one asked for", ErrRefused, r.first, r.last)
	case resp.ContentLength >= 0 && resp.ContentLength != r.last-r.first+1:
		return answer{}, fmt.Errorf("%w: length and range differ", ErrRefused)
	}
	now := version{etag: strong(resp), total: r.total}
	if known.differs(now) {
		s.forget(name)
		return answer{}, ErrChanged
	}
	s.remember(name, now)
	a := answer{at: offset, limit: r.last - r.first + 1, exact: true}
	if length == 0 {
		a.limit, a.exact = 0, false
	}
	return a, nil
}

// beyond is a 416: nothing lies at offset.
func (s *Source) beyond(name string, resp *http.Response, offset int64, known version) (answer, error) {
	r, ok := parseRange(resp.Header.Get("Content-Range"))
	if !ok || r.first >= 0 || r.total > offset {
		return answer{}, fmt.Errorf("%w: nothing there, it says", ErrRefused)
	}
	if known.differs(version{total: r.total}) {
		s.forget(name)
		return answer{}, ErrChanged
	}
	return answer{at: offset}, nil
}

// differs says whether two versions cannot be of the same content. What one of them
// does not tell, tells nothing.
func (v version) differs(w version) bool {
	return v.etag != "" && w.etag != "" && v.etag != w.etag || v.total >= 0 && w.total >= 0 && v.total != w.total
}

// strong returns an ETag that stands for the bytes, of sensible length, or "".
func strong(resp *http.Response) string {
	e := resp.Header.Get("ETag")
	if len(e) < 2 || len(e) > 256 || e[0] != '"' || e[len(e)-1] != '"' {
		return ""
	}
	return e
}

// contentRange is "bytes first-last/total"; first is -1 in "bytes */total", total in
// "bytes first-last/*".
type contentRange struct{ first, last, total int64 }

func parseRange(s string) (contentRange, bool) {
	rest, ok := strings.CutPrefix(s, "bytes ")
	span, size, cut := strings.Cut(rest, "/")
	if !ok || !cut {
		return contentRange{}, false
	}
	r := contentRange{first: -1, last: -1, total: -1}
	if size != "*" {
		if r.total, ok = number(size); !ok {
			return contentRange{}, false
		}
	}
	if span == "*" {
		return r, r.total >= 0
	}
	first, last, cut := strings.Cut(span, "-")
	var okFirst, okLast bool
	r.first, okFirst = number(first)
	r.last, okLast = number(last)
	return r, cut && okFirst && okLast && r.first <= r.last && (r.total < 0 || r.last < r.total)
}

// number takes digits only, and leaves room to add to it.
func number(s string) (int64, bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// retryAfter adds when the server wants to be asked again, at most a day from now.
func retryAfter(resp *http.Response, err error) error {
	text := resp.Header.Get("Retry-After")
	d := time.Duration(0)
	if n, ok := number(text); ok {
		d = time.Duration(min(n, 86400)) * time.Second
	} else if t, bad := http.ParseTime(text); bad == nil {
		d = time.Until(t)
	}
	if d <= 0 {
		return err
	}
	return durable.RetryAfter(err, min(d, 24*time.Hour))
}

// segments splits a name for [url.URL.JoinPath], each escaped.
func segments(name string) []string {
	list := strings.Split(name, "/")
	for i := range list {
		list[i] = url.PathEscape(list[i])
	}
	return list
}
