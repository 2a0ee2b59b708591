package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strconv"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// file names a role in the repository. The name of a delegated role may hold any
// bytes: escaped it is one segment that leads nowhere else.
func file(role string, version int64) string {
	name := url.PathEscape(role) + ".json"
	if version > 0 {
		name = strconv.FormatInt(version, 10) + "." + name
	}
	return name
}

// fetch reads a file of metadata. What is not there is fs.ErrNotExist; what the
// source cannot bring is update.ErrUnavailable; what is too long, or endless,
// update.ErrUntrusted.
func (c *Client) fetch(ctx context.Context, name string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	r, at, err := c.source.Open(ctx, path.Join(c.opts.Metadata, name), 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("tuf: %s: %w", printable(name), fs.ErrNotExist)
	}
	if err != nil {
		return nil, unavailable(name, err)
	}
	defer r.Close()
	if at != 0 {
		return nil, unavailable(name, fmt.Errorf("source began at %d", at))
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(data)) > limit {
		return nil, untrusted(name, fmt.Errorf("longer than %d bytes", limit))
	}
	if err != nil {
		return nil, unavailable(name, err)
	}
	return data, nil
}

// fetchListed reads a role that other metadata lists: one that is not there is a
// repository in the midst of a change, or a mirror that lags.
func (c *Client) fetchListed(ctx context.Context, s *set, role string, m *metadata.MetaFiles, limit int64) ([]byte, error) {
	version := int64(0)
	if s.tm.Root.Signed.ConsistentSnapshot {
		version = m.Version
	}
	if m.Length > limit {
		return nil, untrusted(role, fmt.Errorf("listed with %d bytes, more than %d", m.Length, limit))
	}
	if m.Length > 0 {
		limit = m.Length
	}
	data, err := c.fetch(ctx, file(role, version), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unavailable(role, errors.New("listed, but not there"))
	}
	return data, err
}
