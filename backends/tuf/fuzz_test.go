package tuf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update"
)

// roleFiles are where a role is looked for by a device that has version 1 of all.
var roleFiles = map[string]string{
	"root": "metadata/2.root.json", "timestamp": "metadata/timestamp.json",
	"snapshot": "metadata/2.snapshot.json", "targets": "metadata/2.targets.json",
}

// FuzzRoles: whatever bytes a server sends for a role, as they are or rightly signed
// by the keys of all roles, the client does not crash, and it takes them whole or
// keeps what it had.
func FuzzRoles(f *testing.F) {
	r := newRepo(f)
	r.delegate("targets", "sensors", true, "sensors/*")
	r.nextRoot(func() { unknownKey(r.root.Signed.Keys) })
	r.next()
	for role, file := range roleFiles {
		f.Add(role, r.files[file], false)
		f.Add(role, signed(f, r.files[file]), true)
	}
	f.Fuzz(func(t *testing.T, role string, data []byte, sign bool) {
		file, ok := roleFiles[role]
		if !ok || len(data) > 64<<10 {
			return
		}
		if sign {
			data = signAny(t, data)
		}
		d := newDevice(t)
		require.NoError(t, d.refresh())
		d.repo.next()
		d.mirror.files = maps.Clone(d.repo.files)
		if role == "snapshot" {
			unhashed(d)
			d.mirror.files = maps.Clone(d.repo.files)
		}
		d.mirror.files[file] = data
		err := d.refresh()
		if err == nil {
			found, err := d.find("sensors/a.bin")
			require.True(t, err != nil || found.Length >= 0)
			return
		}
		known := errors.Is(err, update.ErrUntrusted) || errors.Is(err, update.ErrUnavailable)
		require.True(t, known, "%v", err)
		if s := d.client.Status(); s.Root == 1 { // a new root takes force, whatever it lists
			require.Equal(t, int64(1), s.Targets)
		}
		for _, r := range err.Error() {
			require.True(t, r == '\n' || r >= ' ' && r < 127, "%q", err.Error())
		}
	})
}

func signed(t testing.TB, data []byte) []byte {
	var m struct {
		Signed json.RawMessage `json:"signed"`
	}
	require.NoError(t, json.Unmarshal(data, &m))
	return m.Signed
}

// signAny signs any JSON with the keys of all roles; what cannot be signed stays.
func signAny(t testing.TB, data []byte) []byte {
	var any any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if dec.Decode(&any) != nil {
		return data
	}
	payload, err := cjson.EncodeCanonical(any)
	if err != nil {
		return data
	}
	type sig struct {
		KeyID string `json:"keyid"`
		Sig   hexed  `json:"sig"`
	}
	file := struct {
		Signed     json.RawMessage `json:"signed"`
		Signatures []sig           `json:"signatures"`
	}{Signed: data}
	for role := range roleFiles {
		id, err := public(t, role+" 1").ID()
		require.NoError(t, err)
		s := edSign(role+" 1", payload)
		file.Signatures = append(file.Signatures, sig{id, s})
	}
	out, err := json.Marshal(file)
	if err != nil {
		return data
	}
	return out
}
