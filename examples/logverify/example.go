package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// An export of a gateway, one of a camera of the same owner, and the gateway's key.
var (
	//go:embed testdata/gateway.jsonl
	gateway []byte
	//go:embed testdata/camera.jsonl
	camera []byte
	//go:embed testdata/device.pem
	deviceKey []byte
)

// forgeries are what somebody may do to an export. Line 0 is the certificate, and the last
// one the signature.
func forgeries() []struct {
	what  string
	forge func(lines [][]byte) [][]byte
} {
	other := bytes.SplitAfter(camera, []byte("\n"))
	return []struct {
		what  string
		forge func(lines [][]byte) [][]byte
	}{
		{"a record edited", func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte("access.login-failed"), []byte("access.login-ok"), 1)
			return l
		}},
		{"a record deleted", func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) }},
		{"two records exchanged", func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }},
		{"a record of another device put in", func(l [][]byte) [][]byte { l[4] = other[4]; return l }},
		{"the end cut off", func(l [][]byte) [][]byte { return slices.Delete(l, len(l)-4, len(l)-2) }},
		{"the whole export exchanged for another device's", func([][]byte) [][]byte { return other }},
	}
}

// demonstrate verifies the example, and what becomes of it.
func demonstrate(out io.Writer) error {
	key, err := parseKey(deviceKey)
	if err != nil {
		return err
	}
	v := &verifier{out: out, key: key, byDevice: true}
	if err := v.export("gateway.jsonl", bytes.NewReader(gateway)); err != nil {
		return err
	}
	for _, f := range forgeries() {
		lines := bytes.SplitAfter(bytes.Clone(gateway), []byte("\n"))
		_, err := eventlog.VerifyDeviceExport(bytes.NewReader(bytes.Join(f.forge(lines), nil)), key)
		var bad *eventlog.RecordError
		if !errors.As(err, &bad) {
			return fmt.Errorf("%s: not noticed: %v", f.what, err)
		}
		fmt.Fprintf(out, "%s: record %d: %s\n", f.what, bad.Seq, bad.Reason)
	}
	fmt.Fprintf(out, "%d of %d forgeries found\n", len(forgeries()), len(forgeries()))
	return nil
}
