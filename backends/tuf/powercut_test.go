package tuf_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// A server is what the device talks to; it has no part in the power cut.
type server struct {
	embedded []byte
	before   *mirror
	after    *mirror
}

// served lets change bring the repository from what it was to what the operation
// fetches.
func served(t *testing.T, change func(r *repo)) server {
	r := newRepo(t)
	r.delegate("targets", "sensors", true, "sensors/*")
	r.list("sensors", "sensors/a.bin", "a")
	r.next()
	s := server{embedded: r.files["metadata/1.root.json"], before: &mirror{files: r.files}}
	d := &device{mirror: s.before}
	d.freeze()
	change(r)
	s.after = &mirror{files: r.files}
	return s
}

// open starts the device on what the machine keeps.
func (s server) open(ctx context.Context, m *powercut.Machine, from *mirror) (*tuf.Client, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	return tuf.Open(ctx, durable.Sub(dir, "tuf"), from, s.embedded, &tuf.Options{
		Clock: &clock{start, durable.Authenticated}, Floors: update.NewFloors(dir),
	})
}

// look tells what the device trusts without a network.
func (s server) look(ctx context.Context, m *powercut.Machine) (string, error) {
	c, err := s.open(ctx, m, &mirror{fail: map[string]error{"": errors.New("off")}})
	if err != nil {
		return "", err
	}
	st := c.Status()
	words := fmt.Sprintf("root %d timestamp %d snapshot %d targets %d:", st.Root, st.Timestamp, st.Snapshot, st.Targets)
	for _, path := range []string{"images/gateway.bin", "sensors/a.bin"} {
		found, err := c.Find(ctx, path)
		switch {
		case errors.Is(err, update.ErrUnavailable):
			words += " -"
		case err != nil:
			return "", err
		default:
			words += " " + found.Digest.String()[:4]
		}
	}
	return words, nil
}

func (s server) refreshing(from func(server) *mirror) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		c, err := s.open(ctx, m, from(s))
		if err != nil {
			return err
		}
		return m.Attempt(func() error {
			if err := c.Refresh(ctx); err != nil {
				return err
			}
			_, err = c.Find(ctx, "sensors/a.bin")
			return err
		})
	}
}

func old(s server) *mirror   { return s.before }
func newer(s server) *mirror { return s.after }

// onTheWay allows a root, or a set whose delegated role is not fetched yet, that came
// before the rest: each is verified by itself.
func onTheWay(allowed ...string) func(old, new, got string) error {
	return func(_, _, got string) error {
		for _, a := range allowed {
			if strings.HasPrefix(got, a) {
				return nil
			}
		}
		return errors.New("a mixture")
	}
}

func TestPowerCut(t *testing.T) {
	first := served(t, func(*repo) {})
	second := served(t, func(r *repo) { r.list("targets", "images/gateway.bin", "two"); r.next() })
	rotated := served(t, func(r *repo) {
		r.nextRoot(func() { r.rotate("timestamp", "timestamp 2"); r.rotate("snapshot", "snapshot 2") })
		r.timestamp.Signed.Version, r.snapshot.Signed.Version = 0, 0 // counted anew
		r.next()
	})
	ops := []powercut.Op{
		{Name: "tuf-first", Do: first.refreshing(newer), State: first.look, Legal: onTheWay("root 1 timestamp 2 snapshot 2 targets 2: ")},
		{Name: "tuf-newer", Before: second.refreshing(old), Do: second.refreshing(newer), State: second.look,
			Legal: onTheWay("root 1 timestamp 3 snapshot 3 targets 3: ")},
		{Name: "tuf-rotated", Before: rotated.refreshing(old), Do: rotated.refreshing(newer), State: rotated.look,
			Legal: onTheWay("root 1 timestamp 0", "root 2 timestamp 0", "root 2 timestamp 1 snapshot 1 targets 3: ")},
	}
	for i := range ops {
		ops[i].Methods = []string{"Client.Refresh", "Client.Find", "Open"}
		t.Run(ops[i].Name, func(t *testing.T) { powercut.Run(t, ops[i]) })
	}
	powercut.Covered(t, ops, []string{"Client.Status"}, (*tuf.Client)(nil))
}
