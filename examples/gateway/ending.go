package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// The steps in which people leave.

func (l *life) erase() error {
	l.step("5.2.4", "Bob is erased, and gets a receipt that the device signed")
	var o erase.Outcome
	if err := l.refused(l.ask("", "", "erase", "bob", nil), "denied"); err != nil {
		return err
	}
	if err := l.ask("bob", bobsPassword, "erase", "bob", &o); err != nil {
		return err
	}
	key, err := l.desk.publicKey("device.pem")
	if err != nil {
		return err
	}
	r, err := erase.VerifyReceipt(o.Receipt, key)
	if err != nil {
		return err
	}
	if !r.Names("bob", o.Salt) {
		return unexpected("the receipt is not about bob")
	}
	if r.Device != device || r.Result != "done" {
		return unexpected("the receipt of %s says %s", r.Device, r.Result)
	}
	for _, part := range r.Stores {
		l.tellf("    %-10s %s", part.Store, part.Method)
	}
	if vault := r.Stores[0]; vault.Store != "vault" || !strings.HasPrefix(vault.Method, "clear") {
		return unexpected("keys in software clear, and nothing more; the receipt says %q", vault.Method)
	}
	return errors.Join(l.desk.save("receipt", o.Receipt), l.desk.save("receipt.salt", o.Salt))
}

func (l *life) neighbour() error {
	l.step("5.2.4", "Ann's note is there; bob is nobody any more")
	var note string
	if err := l.ask("ann", annsPassword, "recall", nil, &note); err != nil {
		return err
	}
	if note != annsNote {
		return unexpected("ann reads %q", note)
	}
	if err := l.refused(l.ask("bob", bobsPassword, "recall", nil, nil), "password"); err != nil {
		return err
	}
	// A new bob is another person: he finds nothing.
	if err := l.ask("ann", annsPassword, "adduser", user{"bob", evesPassword}, nil); err != nil {
		return err
	}
	return l.refused(l.ask("bob", evesPassword, "recall", nil, &note), "erased, or never made")
}

// canary looks for the text in every byte that the device has.
func (l *life) canary() error {
	l.step("5.2.4", "No byte of the device holds what bob wrote")
	canary, err := l.desk.read("canary")
	if err != nil {
		return err
	}
	files, size := 0, int64(0)
	look := func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, canary) {
			return unexpected("%s holds it", path)
		}
		files, size = files+1, size+int64(len(text))
		return err
	}
	for _, part := range []string{stateDir, slotsDir, bootDir} {
		if err := filepath.WalkDir(filepath.Join(l.dir, part), look); err != nil {
			return err
		}
	}
	l.tellf("    looked through %d files, %s", files, megabytes(size))
	return nil
}

// bobsName is his name as a JSON value, or at the end or the beginning of one: three
// letters alone come up by chance among so many signatures.
var bobsName = regexp.MustCompile(`\bbob"|"bob\b`)

func (l *life) logVerified() error {
	l.step("5.2.5.2.2", "The event log is exported, and verified by who has the public key")
	if err := l.refused(l.ask("bob", evesPassword, "log", nil, nil), "denied"); err != nil {
		return err
	}
	var got logged
	if err := l.ask("ann", annsPassword, "log", nil, &got); err != nil {
		return err
	}
	key, err := l.desk.logKey()
	if err != nil {
		return err
	}
	sum, err := eventlog.VerifyExport(bytes.NewReader(got.Export), key)
	if err != nil {
		return err
	}
	if bobsName.Match(got.Export) {
		return unexpected("the export names bob")
	}
	l.tellf("    records %d to %d, signed up to %d; nobody is named in them", sum.First, sum.Last, sum.Signed)
	broken := bytes.Clone(got.Export)
	broken[len(broken)/2] ^= 1
	if _, err := eventlog.VerifyExport(bytes.NewReader(broken), key); err == nil {
		return unexpected("a flipped bit of the export was not noticed")
	}
	return errors.Join(l.desk.save("log.jsonl", got.Export), l.desk.save("checkpoint", got.Checkpoint))
}

func (l *life) logFlipped() error {
	l.step("5.2.5.2.2", "One byte of the log on the medium is changed; it is found")
	checkpoint, err := l.desk.read("checkpoint")
	if err != nil {
		return err
	}
	if err := l.ask("ann", annsPassword, "checklog", checkpoint, nil); err != nil {
		return err
	}
	undo, err := l.flipLog()
	if err != nil {
		return err
	}
	err = l.refused(l.ask("ann", annsPassword, "checklog", checkpoint, nil), "eventlog: record ", "not what was logged")
	return errors.Join(err, undo())
}

// flipLog changes one byte in the middle of the log's first segment.
func (l *life) flipLog() (undo func() error, err error) {
	var segment string
	err = filepath.WalkDir(filepath.Join(l.dir, stateDir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "+log") && segment == "" {
			segment = path
		}
		return err
	})
	if err != nil || segment == "" {
		return nil, fmt.Errorf("no segment of the log: %w", err)
	}
	st, err := os.Stat(segment)
	if err != nil {
		return nil, err
	}
	flip := func() error { return l.box.flip(segment, st.Size()/3) }
	return flip, flip()
}

func (l *life) killReset() error {
	l.step("5.2.3", "The power goes in the middle of a factory reset")
	answer := l.later("ann", annsPassword, "reset", "factory")
	if err := l.until("the reset destroys", func(m message) bool { return m.State == "resetting" }); err != nil {
		return err
	}
	if err := l.now.cut(); err != nil {
		return err
	}
	<-answer //nolint:errcheck // of a program that was killed
	if !l.now.killed() {
		return unexpected("the program ended by itself: %v", l.now.exit)
	}
	l.tellf("    killed while it destroyed")
	return nil
}

func (l *life) afterReset() error {
	l.step("5.2.3.1, 5.2.3.2", "The reset is finished before anything else; floor kept, Ann is nobody")
	if err := l.power(); err != nil {
		return err
	}
	s, err := l.status()
	switch {
	case err != nil:
		return err
	case !s.Shut:
		return unexpected("the guard is open: the reset did not end the ownership")
	case s.Floor != 11:
		return unexpected("the floor is %d", s.Floor)
	case s.Version != "1.1":
		return unexpected("%s runs", s.Version)
	}
	l.tellf("    out of service again; 1.1 runs, and nothing below 11 is installed")
	return l.refused(l.ask("ann", annsPassword, "settings", nil, nil), "password")
}

func (l *life) secondOwner() error {
	l.step("5.2.6.1.4", "Eve buys it, and takes it into service with the label")
	label, err := l.desk.read("label")
	if err != nil {
		return err
	}
	if err := l.ask("label", string(label), "commission", user{"eve", evesPassword}, nil); err != nil {
		return err
	}
	var note string
	if err := l.refused(l.ask("eve", evesPassword, "recall", nil, &note), "erased, or never made"); err != nil {
		return err
	}
	var settings json.RawMessage
	if err := l.ask("eve", evesPassword, "settings", nil, &settings); err != nil {
		return err
	}
	factory, err := l.desk.read("settings.factory")
	if err != nil {
		return err
	}
	if !bytes.Equal(settings, factory) {
		return unexpected("the settings are %s, from the factory they were %s", settings, factory)
	}
	l.tellf("    nothing of the old owner is there; settings are as they left the factory")
	return nil
}

func (l *life) floorHolds() error {
	l.step("5.2.3.2, 5.2.7.1.1", "After the reset, too, the old release is refused")
	if err := l.restartWith("-channel", oldChannel); err != nil {
		return err
	}
	if err := l.refused(l.ask("eve", evesPassword, "install", "", nil), "older"); err != nil {
		return err
	}
	return l.restartWith()
}

func (l *life) documents() error {
	l.step("5.1.1.1.5, 5.1.2", "Statement of applicability and security page, from what really runs")
	var r report
	if err := l.ask("", "", "report", nil, &r); err != nil {
		return err
	}
	for name, text := range map[string]string{"statement.txt": r.Statement, "security.md": r.Markdown, "security.html": r.HTML, "sbom.json": r.SBOM} {
		if text == "" {
			return unexpected("%s is empty", name)
		}
		if err := l.desk.save(name, []byte(text)); err != nil {
			return err
		}
	}
	for line := range strings.Lines(r.Summary) {
		l.tellf("    %s", strings.TrimRight(line, "\n"))
	}
	l.tellf("    in %s: statement.txt security.md security.html sbom.json", filepath.Join(l.dir, deskDir))
	return nil
}
