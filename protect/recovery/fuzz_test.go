package recovery_test

import (
	"crypto/hpke"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/recovery"
)

// FuzzRequest: what is accepted is a request, and what the bench makes of a strange one is an
// error.
func FuzzRequest(f *testing.F) {
	b := newBench(f, hpke.MLKEM768X25519())
	f.Add(newDevice(f, b).ask(f).Request())
	f.Add([]byte(`{"device":"00","key":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := recovery.ParseRequest(raw)
		if err != nil {
			require.ErrorIs(t, err, recovery.ErrRequest)
			return
		}
		_, err = json.Marshal(r)
		require.NoError(t, err)
		if _, err = r.Answer(b.key, b.authorities...); err != nil {
			require.ErrorIs(t, err, recovery.ErrRequest)
		}
	})
}

// FuzzAnswer: no bytes but the bench's bring a device back.
func FuzzAnswer(f *testing.F) {
	b := newBench(f, hpke.MLKEM768X25519())
	d := newDevice(f, b)
	asked := d.ask(f)
	f.Add(b.answer(f, asked.Request())[:400])
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := d.recover(t, asked, raw, b.both())
		require.Error(t, err)
	})
}
