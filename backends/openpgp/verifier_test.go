package openpgp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	pgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/durable"
)

func newSigner(t testing.TB, opts *openpgp.SignerOptions) *openpgp.Signer {
	key, err := openpgp.NewKey("Vendor", "vendor@example.com", opts)
	require.NoError(t, err)
	s, err := openpgp.NewSigner(key, opts)
	require.NoError(t, err)
	return s
}

func verifier(t testing.TB, s *openpgp.Signer, opts *openpgp.Options) *openpgp.Verifier {
	public, err := s.PublicKey()
	require.NoError(t, err)
	v, err := openpgp.New(public, opts)
	require.NoError(t, err)
	return v
}

func TestSignVerify(t *testing.T) {
	for name, length := range map[string]int{"v4": 40, "v6": 64} {
		t.Run(name, func(t *testing.T) {
			s := newSigner(t, &openpgp.SignerOptions{V6: name == "v6"})
			v := verifier(t, s, nil)
			sig, err := s.Sign(t.Context(), document)
			require.NoError(t, err)
			signer, err := v.Verify(t.Context(), document, sig)
			require.NoError(t, err)
			assert.Equal(t, s.Fingerprint(), signer)
			assert.Len(t, signer, length)
			assert.Equal(t, strings.ToUpper(signer), signer)
			assert.Equal(t, []string{signer}, v.Signers())
			_, err = verifier(t, newSigner(t, nil), nil).Verify(t.Context(), document, sig)
			require.ErrorIs(t, err, openpgp.ErrSigner)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = v.Verify(ctx, document, sig)
			require.ErrorIs(t, err, context.Canceled)
			_, err = s.Sign(ctx, document)
			require.ErrorIs(t, err, context.Canceled)
			_, err = v.Verify(t.Context(), make([]byte, openpgp.MaxDocument+1), sig)
			require.ErrorIs(t, err, openpgp.ErrSignature)
		})
	}
}

// TestEveryChangedBitIsRefused, or changes nothing in what is signed and by whom.
func TestEveryChangedBitIsRefused(t *testing.T) {
	s := newSigner(t, nil)
	v := verifier(t, s, nil)
	sig, err := s.Sign(t.Context(), document)
	require.NoError(t, err)
	for i := range document {
		for bit := range 8 {
			bad := bytes.Clone(document)
			bad[i] ^= 1 << bit
			_, err := v.Verify(t.Context(), bad, sig)
			require.ErrorIs(t, err, openpgp.ErrSignature)
		}
	}
	for i := range sig {
		bad := bytes.Clone(sig)
		bad[i] ^= 1
		if signer, err := v.Verify(t.Context(), document, bad); err == nil {
			require.Equal(t, s.Fingerprint(), signer)
		}
	}
}

// TestTime plays the clock of the device against key and signature: a key made on
// day 10 that ends on day 20, and signs on day 12.
func TestTime(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }
	cfg := &packet.Config{
		Time: func() time.Time { return day(10) }, KeyLifetimeSecs: 10 * 86400,
		Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519,
	}
	e, err := pgp.NewEntity("vendor", "", "", cfg)
	require.NoError(t, err)
	var public, sig, late bytes.Buffer
	require.NoError(t, e.Serialize(&public))
	cfg.Time = func() time.Time { return day(12) }
	require.NoError(t, pgp.DetachSign(&sig, []*pgp.Entity{e}, bytes.NewReader(document), cfg))
	cfg.Time, cfg.SigLifetimeSecs = func() time.Time { return day(12) }, 86400
	require.NoError(t, pgp.DetachSign(&late, []*pgp.Entity{e}, bytes.NewReader(document), cfg))
	for _, c := range []struct {
		now     time.Time
		quality durable.Quality
		want    error
	}{
		{day(13), durable.Set, nil},
		{day(13), durable.Authenticated, nil},
		{day(13), durable.LowerBound, nil},
		{day(19), durable.Set, nil},
		{day(21), durable.Set, openpgp.ErrKey},        // the key has expired since
		{day(21), durable.LowerBound, openpgp.ErrKey}, // for sure
		{day(11), durable.Set, openpgp.ErrSignature},  // signed in the future
		{day(11), durable.LowerBound, nil},            // it may be later than the device knows
		{day(1), durable.Set, openpgp.ErrSignature},
		{day(1), durable.LowerBound, nil},
		{time.Unix(0, 0), durable.LowerBound, nil},
	} {
		v, err := openpgp.New(public.Bytes(), &openpgp.Options{Now: func() (time.Time, durable.Quality) { return c.now, c.quality }})
		require.NoError(t, err)
		for range 2 { // no answer is remembered
			_, err = v.Verify(t.Context(), document, sig.Bytes())
			assert.ErrorIs(t, err, c.want, "%v", c)
		}
	}
	v, err := openpgp.New(public.Bytes(), &openpgp.Options{Now: func() (time.Time, durable.Quality) { return day(14), durable.Set }})
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), document, late.Bytes())
	require.ErrorIs(t, err, openpgp.ErrSignature, "the signature itself has expired")
}

func TestClockMovesBetweenCalls(t *testing.T) {
	s := newSigner(t, nil)
	now := time.Now().Add(-time.Hour)
	v := verifier(t, s, &openpgp.Options{Now: func() (time.Time, durable.Quality) { return now, durable.Set }})
	sig, err := s.Sign(t.Context(), document)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), document, sig)
	require.Error(t, err)
	now = time.Now().Add(time.Hour)
	_, err = v.Verify(t.Context(), document, sig)
	require.NoError(t, err, "what was true an hour ago is not held against it")
}

func TestKeyringRefused(t *testing.T) {
	s := newSigner(t, nil)
	good, err := s.PublicKey()
	require.NoError(t, err)
	private, err := openpgp.NewKey("x", "", nil)
	require.NoError(t, err)
	many := []byte{}
	for range openpgp.MaxKeys + 1 {
		one, err := newSigner(t, nil).PublicKey()
		require.NoError(t, err)
		many = append(many, one...)
	}
	for name, keyring := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "twice": append(bytes.Clone(good), good...), "private": private,
		"private after public": append(bytes.Clone(good), private...), "too many": many,
		"too long": append(bytes.Clone(good), make([]byte, openpgp.MaxKeyring)...),
		"half":     good[:len(good)/2], "zeros": make([]byte, 100),
	} {
		_, err := openpgp.New(keyring, nil)
		require.ErrorIs(t, err, openpgp.ErrKeyring, name)
	}
	for _, n := range []int{-1, openpgp.MaxSignatures + 1} {
		_, err := openpgp.New(good, &openpgp.Options{MaxSignatures: n})
		require.ErrorIs(t, err, fs.ErrInvalid)
	}
	_, err = openpgp.NewSigner(good, nil)
	require.ErrorIs(t, err, openpgp.ErrKeyring)
	_, err = openpgp.NewSigner([]byte("x"), nil)
	require.ErrorIs(t, err, openpgp.ErrKeyring)
	_, err = openpgp.NewKey("a(b", "", nil)
	require.ErrorIs(t, err, openpgp.ErrKeyring)
}

func TestSignerTellsNoSecret(t *testing.T) {
	key, err := openpgp.NewKey("Vendor", "", nil)
	require.NoError(t, err)
	s, err := openpgp.NewSigner(key, nil)
	require.NoError(t, err)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "signer", s)
	for _, out := range []string{fmt.Sprintf("%v", s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), string(text), log.String()} {
		assert.Contains(t, out, s.Fingerprint())
		assert.Less(t, len(out), 200)
	}
}

// A key that was revoked on day 13 signs nothing any more, whatever day the holder
// writes into a signature and however little the device knows of the time. The key
// that replaced it does.
func TestRevokedKeyDatesBack(t *testing.T) {
	day := func(n int) func() time.Time {
		return func() time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }
	}
	signed := func(e *pgp.Entity, cfg packet.Config, n int) []byte {
		var sig bytes.Buffer
		cfg.Time = day(n)
		require.NoError(t, pgp.DetachSign(&sig, []*pgp.Entity{e}, bytes.NewReader(document), &cfg))
		return sig.Bytes()
	}
	clocks := map[string]func() (time.Time, durable.Quality){
		"never set": func() (time.Time, durable.Quality) { return time.Unix(0, 0), durable.LowerBound },
		"behind":    func() (time.Time, durable.Quality) { return day(12)(), durable.LowerBound },
		"set":       func() (time.Time, durable.Quality) { return day(14)(), durable.Set },
	}
	for _, subkey := range []bool{false, true} {
		for _, reason := range []packet.ReasonForRevocation{packet.KeySuperseded, packet.KeyRetired, packet.KeyCompromised} {
			cfg := packet.Config{Time: day(10), Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519}
			old, err := pgp.NewEntity("old", "", "", &cfg)
			require.NoError(t, err)
			if subkey {
				require.NoError(t, old.AddSigningSubkey(&cfg))
			}
			next, err := pgp.NewEntity("next", "", "", &cfg)
			require.NoError(t, err)
			byOld, byNext := signed(old, cfg, 11), signed(next, cfg, 11)
			cfg.Time = day(13)
			if subkey {
				require.NoError(t, old.Subkeys[len(old.Subkeys)-1].Revoke(reason, "", &cfg))
			} else {
				require.NoError(t, old.Revoke(reason, "", &cfg))
			}
			var public bytes.Buffer
			require.NoError(t, errors.Join(old.Serialize(&public), next.Serialize(&public)))
			for name, now := range clocks {
				v, err := openpgp.New(public.Bytes(), &openpgp.Options{Now: now})
				require.NoError(t, err)
				_, err = v.Verify(t.Context(), document, byOld)
				assert.ErrorIs(t, err, openpgp.ErrKey, "%s, subkey %v, reason %v", name, subkey, reason)
				_, err = v.Verify(t.Context(), document, byNext)
				assert.NoError(t, err, "%s, subkey %v, reason %v", name, subkey, reason)
			}
		}
	}
}

// Only a revocation that the key itself signed tells the time: one that somebody put
// beside it does not make the key that goes on look expired.
func TestForgedRevocationTellsNoTime(t *testing.T) {
	start := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	cfg := packet.Config{Time: func() time.Time { return start }, Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519}
	old, err := pgp.NewEntity("old", "", "", &cfg)
	require.NoError(t, err)
	forger, err := pgp.NewEntity("forger", "", "", &cfg)
	require.NoError(t, err)
	cfg.KeyLifetimeSecs = 30 * 24 * 3600
	next, err := pgp.NewEntity("next", "", "", &cfg)
	require.NoError(t, err)
	var sig bytes.Buffer
	require.NoError(t, pgp.DetachSign(&sig, []*pgp.Entity{next}, bytes.NewReader(document), &cfg))

	require.NoError(t, old.Revoke(packet.KeyRetired, "", &cfg))
	start = start.AddDate(50, 0, 0)
	require.NoError(t, forger.Revoke(packet.KeyRetired, "", &cfg))
	for name, revocations := range map[string][]*packet.VerifiableSignature{
		"alone": forger.Revocations, "beside a real one": append(slices.Clone(old.Revocations), forger.Revocations...),
	} {
		old.Revocations = revocations
		var public bytes.Buffer
		require.NoError(t, errors.Join(old.Serialize(&public), next.Serialize(&public)))
		v, err := openpgp.New(public.Bytes(), &openpgp.Options{Now: func() (time.Time, durable.Quality) { return time.Unix(0, 0), durable.LowerBound }})
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), document, sig.Bytes())
		assert.NoError(t, err, name)
	}
}
