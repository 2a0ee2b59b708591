package baselinetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/internal/strictjson"
	"github.com/iot-device-baseline/baseline/risk"
)

// Limits of a log that is read.
const (
	MaxLine  = 64 << 10
	MaxLines = 4096
)

// ErrLog is wrapped by the error of [ReadLog] about a line.
var ErrLog = errors.New("not a log of baselinetest")

// line is one line of a log: a result, or an entry that nothing shows.
type line struct {
	Result   *Result `json:"result,omitempty"`
	Unproven *Entry  `json:"unproven,omitempty"`
}

func (r *Report) writeLog(w io.Writer) error {
	if w == nil {
		return nil
	}
	enc := json.NewEncoder(w)
	var err error
	for i := range r.Results {
		err = errors.Join(err, enc.Encode(line{Result: &r.Results[i]}))
	}
	for i := range r.Unproven {
		err = errors.Join(err, enc.Encode(line{Unproven: &r.Unproven[i]}))
	}
	if err != nil {
		return fmt.Errorf("baselinetest: write the log: %w", err)
	}
	return nil
}

// ReadLog reads logs that [Run] wrote, and returns their evidence, for risk.Derive.
//
// Refused are: more than [MaxLines] lines or [MaxLine] bytes in one; members that a
// log has not; an outcome that is none, or that says other than its evidence; and
// evidence that risk.ParseEvidence refuses.
func ReadLog(r io.Reader) ([]risk.Evidence, error) {
	var list struct {
		Evidence []risk.Evidence `json:"evidence"`
	}
	list.Evidence = []risk.Evidence{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	n := 0
	for lines.Scan() {
		if n++; n > MaxLines {
			return nil, fmt.Errorf("baselinetest: more than %d lines: %w", MaxLines, ErrLog)
		}
		e, err := readLine(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("baselinetest: line %d: %w: %w", n, ErrLog, err)
		}
		if e != nil {
			list.Evidence = append(list.Evidence, *e)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("baselinetest: line %d: %w: %w", n+1, ErrLog, err)
	}
	if len(list.Evidence) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("baselinetest: %w: %w", ErrLog, err)
	}
	evidence, err := risk.ParseEvidence(data)
	if err != nil {
		return nil, fmt.Errorf("baselinetest: %w: %w", ErrLog, err)
	}
	return evidence, nil
}

func readLine(data []byte) (*risk.Evidence, error) {
	var l line
	limits := strictjson.Limits{Bytes: MaxLine, Depth: 6, Items: 1000}
	if err := strictjson.Check(data, reflect.TypeOf(&l), limits); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&l); err != nil {
		return nil, err
	}
	if (l.Result == nil) == (l.Unproven == nil) {
		return nil, errors.New("want either a result or an entry that is unproven")
	}
	if l.Result == nil {
		return nil, nil
	}
	return l.Result.Shown, l.Result.check()
}

// check wants the evidence to say what the outcome says.
func (r *Result) check() error {
	if r.Shown == nil {
		if r.Outcome == Pass || r.Outcome == Fail {
			if len(capabilities(r.Clauses)) > 0 {
				return fmt.Errorf("%s without evidence", r.Outcome)
			}
			return nil
		}
		if r.Outcome != NotApplicable && r.Outcome != Inconclusive {
			return errors.New("an outcome that is none")
		}
		return nil
	}
	want := map[risk.Result]Outcome{risk.Pass: Pass, risk.Fail: Fail}[r.Shown.Result]
	if r.Outcome != want || want == "" || r.Shown.ID != r.Case || r.Shown.Composition == "" {
		return errors.New("evidence that says other than its result")
	}
	return within(r.Shown.Clauses, r.Clauses)
}

func within(some, all []clause.ID) error {
	for _, id := range some {
		found := false
		for _, a := range all {
			found = found || a == id
		}
		if !found {
			return fmt.Errorf("evidence for %s, which the case is not about", id)
		}
	}
	return nil
}
