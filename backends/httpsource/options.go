package httpsource

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options are the options of [New]. Zero means the default; Dial has none.
type Options struct {
	// Dial opens connections: the flow that access/gate lists. Required.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS holds roots, pins and client certificates; nil is the system's roots. At least
	// TLS 1.2 is spoken. A configuration that verifies nothing is refused: InsecureSkipVerify without
	// VerifyConnection, which protect/transport brings.
	TLS *tls.Config
	// Header bounds each wait for a connection, for TLS, and for the head of an answer;
	// default 30 s.
	Header time.Duration
	// Stall bounds the wait for more of the body: within it at least 512 bytes must
	// come; default 1 minute.
	Stall time.Duration
	// Redirects are followed so many times; default 3, -1 for none. They lead to https
	// and to the host of base or one of Hosts, nowhere else.
	Redirects int
	Hosts     []string // "cdn.example.com" or "cdn.example.com:8443"
	// Localhost allows plain http, to this machine only: a hub's proxy, a test.
	Localhost bool
}

// pace is how much must come within Options.Stall.
const pace = 512

const maxHeader = 32 << 10 // bytes of the head of an answer

func (o *Options) orDefaults() (Options, error) {
	if o == nil || o.Dial == nil {
		return Options{}, errors.New("httpsource: options: no Dial: take one from access/gate")
	}
	r := *o
	if r.TLS == nil {
		r.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if r.TLS.InsecureSkipVerify && r.TLS.VerifyConnection == nil {
		return r, errors.New("httpsource: options: TLS verifies nothing")
	}
	r.TLS = r.TLS.Clone()
	r.TLS.MinVersion = max(r.TLS.MinVersion, tls.VersionTLS12)
	if r.Header == 0 {
		r.Header = 30 * time.Second
	}
	if r.Stall == 0 {
		r.Stall = time.Minute
	}
	if r.Redirects == 0 {
		r.Redirects = 3
	}
	if r.Header < 0 || r.Stall < 0 {
		return r, errors.New("httpsource: options: a time-out is negative")
	}
	return r, nil
}

// parseBase takes what a base may be: a place, without credentials or questions.
func parseBase(base string, localhost bool) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, errors.New("httpsource: base: not a URL")
	case u.User != nil:
		return nil, errors.New("httpsource: base: holds credentials")
	case u.Host == "" || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("httpsource: base: not of the form https://host/path")
	case u.Scheme == "https", u.Scheme == "http" && localhost && local(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("httpsource: base: not https")
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// client is an HTTP client of our own: no proxy from the environment, no cookies, no
// compression, which hides lengths, and no HTTP/2, which nothing here needs.
func client(base *url.URL, o *Options) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            within(o.Header, o.Dial),
			TLSClientConfig:        o.TLS,
			TLSHandshakeTimeout:    o.Header,
			ResponseHeaderTimeout:  o.Header,
			MaxResponseHeaderBytes: maxHeader,
			MaxConnsPerHost:        4,
			IdleConnTimeout:        30 * time.Second,
			DisableCompression:     true,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			return mayFollow(base, o, next.URL, len(via))
		},
	}
}

// within bounds a dial function, which the transport does not.
func within(d time.Duration, dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return dial(ctx, network, addr)
	}
}

func mayFollow(base *url.URL, o *Options, next *url.URL, done int) error {
	switch {
	case done > o.Redirects:
		return fmt.Errorf("%w: more than %d redirects", ErrRefused, max(0, o.Redirects))
	case next.Scheme != "https" && (next.Scheme != base.Scheme || !local(next.Hostname())):
		return fmt.Errorf("%w: redirect away from https", ErrRefused)
	case next.User != nil:
		return fmt.Errorf("%w: redirect with credentials", ErrRefused)
	case !sameHost(next, base.Host, base.Scheme) && !anyHost(next, o.Hosts):
		return fmt.Errorf("%w: redirect to another host", ErrRefused)
	}
	return nil
}

func anyHost(u *url.URL, hosts []string) bool {
	for _, h := range hosts {
		if sameHost(u, h, "https") {
			return true
		}
	}
	return false
}

// sameHost compares names and ports, where a missing port is the scheme's.
func sameHost(u *url.URL, host, scheme string) bool {
	other := url.URL{Scheme: scheme, Host: host}
	return strings.EqualFold(u.Hostname(), other.Hostname()) && port(u) == port(&other)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}
