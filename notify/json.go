package notify

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// wire is the one JSON form of a Notice, stored and sent.
type wire struct {
	ID           string            `json:"id,omitempty"`
	Type         string            `json:"type"`
	Key          string            `json:"key,omitempty"`
	Severity     Severity          `json:"severity"`
	Audience     Audience          `json:"audience"`
	Subject      string            `json:"subject,omitempty"`
	Title        string            `json:"title"`
	Text         string            `json:"text,omitempty"`
	Data         map[string]string `json:"data,omitempty"`
	RepeatAfter  span              `json:"repeatAfter,omitempty"`
	Expires      span              `json:"expires,omitempty"`
	DependsOn    string            `json:"dependsOn,omitempty"`
	Sequence     uint64            `json:"sequence,omitempty"`
	Count        int               `json:"count,omitempty"`
	First        time.Time         `json:"first,omitzero"`
	Last         time.Time         `json:"last,omitzero"`
	Acknowledged Acknowledgement   `json:"acknowledged,omitzero"`
	Resolved     time.Time         `json:"resolved,omitzero"`
}

// span is a duration as text: "24h0m0s".
type span time.Duration

func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New("not a duration")
	}
	*s = span(d)
	return nil
}

func (n *Notice) wire() wire {
	return wire{
		ID: n.ID, Type: n.Type, Key: n.Key, Severity: n.Severity, Audience: n.Audience, Subject: n.Subject,
		Title: n.Title, Text: n.Text, Data: n.Data,
		RepeatAfter: span(n.RepeatAfter), Expires: span(n.Expires), DependsOn: n.DependsOn,
		Sequence: n.Sequence, Count: n.Count, First: n.First, Last: n.Last,
		Acknowledged: n.Acknowledged, Resolved: n.Resolved,
	}
}

func (w *wire) notice() Notice {
	n := Notice{
		ID: w.ID, Type: w.Type, Key: w.Key, Severity: w.Severity, Audience: w.Audience, Subject: w.Subject,
		Title: w.Title, Text: w.Text, Data: w.Data,
		RepeatAfter: time.Duration(w.RepeatAfter), Expires: time.Duration(w.Expires), DependsOn: w.DependsOn,
		Sequence: w.Sequence, Count: w.Count, First: w.First.UTC(), Last: w.Last.UTC(),
		Acknowledged: Acknowledgement{By: w.Acknowledged.By, At: w.Acknowledged.At.UTC()}, Resolved: w.Resolved.UTC(),
	}
	if len(n.Data) == 0 {
		n.Data = nil
	}
	return n
}

// MarshalJSON is the typed encoder of a notice: one that does not pass its checks
// is an [*InputError], never bytes. "<", ">" and "&" are escaped.
func (n Notice) MarshalJSON() ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	return json.Marshal(n.wire())
}

// UnmarshalJSON is [ParseNotice].
func (n *Notice) UnmarshalJSON(data []byte) error {
	parsed, err := ParseNotice(data)
	if err == nil {
		*n = parsed
	}
	return err
}

// ParseNotice reads the JSON of a notice from outside, as a hub gets it from
// another device. It is strict: no duplicate, unknown or wrongly-cased field, no
// trailing data, at most [MaxNoticeBytes]. What is wrong is an
// [*InputError].
func ParseNotice(data []byte) (Notice, error) {
	var w wire
	if err := strictjson.Decode(data, &w, strictjson.Limits{Bytes: MaxNoticeBytes, Depth: 2, Items: 64}); err != nil {
		return Notice{}, inputError(err)
	}
	n := w.notice()
	if err := n.check(); err != nil {
		return Notice{}, err
	}
	return n, nil
}

// inputError turns an error of strictjson into one of this package.
func inputError(err error) error {
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return &InputError{bad.Path, bad.Rule}
	}
	return &InputError{"", err.Error()}
}
