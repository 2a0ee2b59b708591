package main

import (
	"crypto/rand"
	"encoding/json"
	"strings"

	"github.com/iot-device-baseline/baseline/notify"
)

// Who lives with the gateway, and what they have in mind.
const (
	annsPassword = "a long sentence about cold fish"
	bobsPassword = "all of the other fish in there"
	evesPassword = "nobody has seen any fish at all"

	annsNote = "ann keeps the spare key under the blue pot"
)

func (l *life) provision() error {
	l.step("5.2.5.1.2, 5.2.6.1.4", "In the factory: slots, boot environment, keys and a first secret")
	if err := l.factory(); err != nil {
		return err
	}
	var m made
	if err := l.atFactory(&m); err != nil {
		return err
	}
	if err := l.desk.save("label", []byte(m.Label)); err != nil {
		return err
	}
	if err := l.desk.save("device.pem", []byte(m.DeviceKey)); err != nil {
		return err
	}
	if err := l.desk.save("log.pem", []byte(m.LogKey)); err != nil {
		return err
	}
	l.tellf("    slot a holds release 1.0, slot b nothing; the label says %s", strings.Repeat("*", len(m.Label)))
	return l.power()
}

func (l *life) refuseBeforeCommissioning() error {
	l.step("5.2.6.1.4", "Nothing works while the label's secret is in service")
	label, err := l.desk.read("label")
	if err != nil {
		return err
	}
	patch := change{Patch: json.RawMessage(`{"interval":"5s"}`)}
	if err := l.refused(l.ask("label", string(label), "change", patch, nil), "denied"); err != nil {
		return err
	}
	if err := l.refused(l.ask("", "", "tune", nil, nil), "not commissioned"); err != nil {
		return err
	}
	return l.refused(l.ask("", "", "install", "", nil), "denied")
}

func (l *life) commission() error {
	l.step("5.2.6.1.2, 5.2.6.1.4", "Ann takes it into service, with the label, at the service port")
	label, err := l.desk.read("label")
	if err != nil {
		return err
	}
	if err := l.ask("label", string(label), "commission", user{"ann", annsPassword}, nil); err != nil {
		return err
	}
	if err := l.refused(l.ask("label", string(label), "commission", user{"eve", evesPassword}, nil), "retired"); err != nil {
		return err
	}
	var settings json.RawMessage
	if err := l.ask("ann", annsPassword, "settings", nil, &settings); err != nil {
		return err
	}
	l.tellf("    ann is the owner; the label is out of service")
	return l.desk.save("settings.factory", settings)
}

func (l *life) unauthorised() error {
	l.step("5.2.2.1.1, 5.2.6.2", "Bob may look and not change; a stranger may nothing")
	if err := l.ask("ann", annsPassword, "adduser", user{"bob", bobsPassword}, nil); err != nil {
		return err
	}
	if err := l.ask("bob", bobsPassword, "settings", nil, nil); err != nil {
		return err
	}
	patch := change{Patch: json.RawMessage(`{"limit":50}`)}
	if err := l.refused(l.ask("bob", bobsPassword, "change", patch, nil), "denied"); err != nil {
		return err
	}
	if err := l.refused(l.ask("bob", "a guess", "change", patch, nil), "password"); err != nil {
		return err
	}
	return l.refused(l.ask("", "", "change", patch, nil), "nobody is authenticated")
}

func (l *life) insecure() error {
	l.step("5.2.5.2.1, 5.2.8", "An insecure choice is refused, or accepted by name and told")
	patch := change{Patch: json.RawMessage(`{"console":{"timeout":"12h"}}`)}
	if err := l.refused(l.ask("ann", annsPassword, "change", patch, nil), "insecure"); err != nil {
		return err
	}
	patch.Accept = []string{"/console/timeout"}
	if err := l.ask("ann", annsPassword, "change", patch, nil); err != nil {
		return err
	}
	var notices []notify.Notice
	if err := l.ask("ann", annsPassword, "notices", nil, &notices); err != nil {
		return err
	}
	for _, n := range notices {
		if n.Type == "config.insecure" {
			l.tellf("    notice: %s: %s", n.Title, short(n.Text))
			return nil
		}
	}
	return unexpected("no notice among %d", len(notices))
}

func (l *life) residents() error {
	l.step("5.2.5.1.1", "Ann and Bob leave a note each, in compartments with keys of their own")
	if err := l.ask("ann", annsPassword, "remember", annsNote, nil); err != nil {
		return err
	}
	// Bob's is a text that is nowhere else, not even in this program.
	canary := "bob is away; the code of the door is " + rand.Text()
	if err := l.desk.save("canary", []byte(canary)); err != nil {
		return err
	}
	if err := l.ask("bob", bobsPassword, "remember", canary, nil); err != nil {
		return err
	}
	l.tellf("    kept, and readable by nobody else")
	return nil
}
