package notify_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/notify/notifytest"
)

func TestMemoryKeepsTheRules(t *testing.T) {
	notifytest.TestNotifier(t, notifytest.Harness{Open: func(testing.TB) notifytest.Setup {
		m := notify.NewMemory(100)
		return notifytest.Setup{Notifier: m, Received: func() []notifytest.Receipt { return receipts(m.Notices()) }}
	}})
}

func receipts(notices []notify.Notice) []notifytest.Receipt {
	var out []notifytest.Receipt
	for _, n := range notices {
		out = append(out, notifytest.Receipt{ID: n.ID, Sequence: n.Sequence, Data: n.Data})
	}
	return out
}

// paper is a receiver of lines that may be out of paper.
type paper struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out bool
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out {
		return failingWriter{}.Write(b)
	}
	return p.buf.Write(b)
}

func (p *paper) answer(a notifytest.Answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = a == notifytest.Fail
	return a == notifytest.Fail || a == notifytest.Accept
}

func (p *paper) received() []notifytest.Receipt {
	p.mu.Lock()
	defer p.mu.Unlock()
	var notices []notify.Notice
	for line := range strings.Lines(p.buf.String()) {
		n, err := notify.ParseNotice([]byte(line))
		if err != nil {
			panic(err)
		}
		notices = append(notices, n)
	}
	return receipts(notices)
}

func TestWriterKeepsTheRules(t *testing.T) {
	notifytest.TestNotifier(t, notifytest.Harness{
		Open: func(testing.TB) notifytest.Setup {
			p := &paper{}
			return notifytest.Setup{Notifier: notify.NewWriter(p, nil), Received: p.received, Answer: p.answer}
		},
		Abilities: notifytest.Abilities{Fail: true},
	})
}
