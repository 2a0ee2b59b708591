package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/disclosure"
)

// page is the status page: what everybody may see, over TLS 1.3.
type page struct{ g *gateway }

// Features implements baseline.Part.
func (page) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "gateway.page", Package: "example.com/gateway", Clauses: []clause.ID{clause.C5_2_8_1_D},
		Summary: "the public status is shown to whoever asks, in a browser",
	}}
}

// ServesIn implements baseline.Server.
func (page) ServesIn(string) bool { return true }

// Serve implements baseline.Server.
func (p page) Serve(ctx context.Context) error {
	l, err := p.g.gate.Listen(ctx, "page")
	if err != nil {
		return err
	}
	config, err := p.g.pageTLS(ctx)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.status)
	mux.HandleFunc("GET /security", p.security)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	p.g.how.tell(message{Event: "page https://" + l.Addr().String() + "/"})
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err = server.Serve(tls.NewListener(l, config))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (p page) status(w http.ResponseWriter, r *http.Request) {
	s, err := p.g.opStatus(r.Context(), request{})
	if err != nil {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	now, st := p.g.view.Load(), s.(status)
	head(w)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width\"/>"+
		"<title>Gateway</title><h1>%s</h1><p>%s, release %s", html.EscapeString(now.Name), html.EscapeString(st.State), html.EscapeString(st.Version))
	if st.Trial {
		fmt.Fprint(w, ", on trial")
	}
	fmt.Fprint(w, "</p><ul>")
	for n := range sensors {
		fmt.Fprintf(w, "<li>%s</li>", html.EscapeString(describe(*now, n, int(time.Now().Unix()/10))))
	}
	fmt.Fprint(w, `</ul><p><a href="/security">How it protects you</a></p>`)
}

func (p page) security(w http.ResponseWriter, r *http.Request) {
	security, err := disclosure.NewPage(r.Context(), p.g.running, &p.g.composed, p.g.statement, p.g.facts())
	if err != nil {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	head(w)
	_ = security.WriteHTML(w) // the browser may be gone
}

func head(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}
