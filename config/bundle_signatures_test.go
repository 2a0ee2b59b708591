package config_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
)

// several verifies one or more signatures of 64 bytes in a row; the first that
// verifies decides, as with OpenPGP.
type several struct{ pens }

func (s several) Verify(ctx context.Context, document, signature []byte) (string, error) {
	for len(signature) >= ed25519.SignatureSize {
		if id, err := s.pens.Verify(ctx, document, signature[:ed25519.SignatureSize]); err == nil {
			return id, nil
		}
		signature = signature[ed25519.SignatureSize:]
	}
	return "", errors.New("no such signature")
}

// twoKeys is a device on which two keys are enrolled, as while one replaces the other.
type twoKeys struct {
	*bundled
	t testing.TB
}

var oldKey, newKey = newPen(11), newPen(12)

func asVendor() config.BundleSigner {
	return config.BundleSigner{Entity: "vendor", Kind: access.KindService, Scope: []string{""}}
}

func newTwoKeys(t testing.TB, first, second config.BundleSigner) *twoKeys {
	d := &twoKeys{newBundled(t), t}
	d.enrolled(map[string]config.BundleSigner{oldKey.id(): first, newKey.id(): second})
	return d
}

// enrolled starts the device with other enrolments.
func (d *twoKeys) enrolled(signers map[string]config.BundleSigner) {
	o := d.owned.bundles().BundleOptions
	o.Verifier, o.Signers = several{pens{oldKey, newKey}}, signers
	d.opts.Bundles = config.NewBundles(o)
	require.NoError(d.t, d.open())
}

func (d *twoKeys) apply(document []byte, signers ...pen) error {
	var signature []byte
	for _, p := range signers {
		signature = append(signature, p.sign(document)...)
	}
	_, err := d.settings.ApplyBundle(context.Background(), document, signature)
	return err
}

func numbered(t testing.TB, sequence uint64, name string) []byte {
	return document(t, config.Bundle{Sequence: sequence, Patch: json.RawMessage(`{"name":"` + name + `"}`)})
}

// TestBundleOfSeveralSignatures: whoever carries a bundle chooses which of its
// signatures he shows, and gains nothing by it: the keys of an entity have one
// sequence, also when one of them is no longer enrolled, or for somebody else.
func TestBundleOfSeveralSignatures(t *testing.T) {
	first, second := numbered(t, 1, "insecure-old"), numbered(t, 2, "fixed-new")
	other := config.BundleSigner{Entity: "operator", Scope: []string{"/name"}}
	for name, change := range map[string]func(*twoKeys){
		"both enrolled": func(*twoKeys) {},
		"restarted":     func(d *twoKeys) { require.NoError(t, d.open()) },
		"after a reset": func(d *twoKeys) {
			for _, name := range []string{"settings/current", "settings/good"} {
				require.NoError(t, d.dir.Delete(t.Context(), name))
			}
			require.NoError(t, d.open())
		},
		"the old key is gone": func(d *twoKeys) {
			d.enrolled(map[string]config.BundleSigner{newKey.id(): asVendor()})
		},
		"the old key is somebody else's": func(d *twoKeys) {
			d.enrolled(map[string]config.BundleSigner{oldKey.id(): other, newKey.id(): asVendor()})
		},
		"the new key is somebody else's": func(d *twoKeys) {
			d.enrolled(map[string]config.BundleSigner{oldKey.id(): asVendor(), newKey.id(): other})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newTwoKeys(t, asVendor(), asVendor())
			require.NoError(t, d.apply(first, oldKey, newKey))
			require.NoError(t, d.apply(second, oldKey, newKey))
			change(d)
			before := d.view.Load().Name
			for _, signers := range [][]pen{{oldKey, newKey}, {newKey, oldKey}, {newKey}, {oldKey}} {
				require.Error(t, d.apply(first, signers...))
			}
			require.ErrorIs(t, d.apply(first, newKey), config.ErrReplay, "only the second signature")
			require.ErrorIs(t, d.apply(second, newKey), config.ErrReplay)
			assert.Equal(t, before, d.view.Load().Name)
		})
	}
}

// TestKeysOfAnEntityShareASequence: the same with each bundle signed by one key, as
// before and after a change of keys.
func TestKeysOfAnEntityShareASequence(t *testing.T) {
	d := newTwoKeys(t, asVendor(), asVendor())
	require.NoError(t, d.apply(numbered(t, 5, "a"), oldKey))
	require.ErrorIs(t, d.apply(numbered(t, 4, "b"), newKey), config.ErrReplay)
	require.ErrorIs(t, d.apply(numbered(t, 5, "b"), newKey), config.ErrReplay)
	for _, p := range []pen{oldKey, newKey} {
		assert.Equal(t, uint64(5), d.last(p).Sequence)
	}
	require.NoError(t, d.apply(numbered(t, 6, "b"), newKey))
	require.ErrorIs(t, d.apply(numbered(t, 6, "c"), oldKey), config.ErrReplay)
	require.NoError(t, d.apply(numbered(t, 7, "c"), oldKey))
	assert.Equal(t, uint64(7), d.last(newKey).Sequence)
}

// TestDocumentOfTwoEntities: their sequences are apart, but no document is taken twice.
func TestDocumentOfTwoEntities(t *testing.T) {
	d := newTwoKeys(t, asVendor(), config.BundleSigner{Entity: "operator", Scope: []string{"/name"}})
	first := numbered(t, 1, "insecure-old")
	require.NoError(t, d.apply(first, oldKey, newKey))
	require.NoError(t, d.apply(numbered(t, 2, "fixed-new"), oldKey, newKey))
	err := d.apply(first, newKey)
	require.ErrorIs(t, err, config.ErrReplay)
	require.ErrorContains(t, err, "by another signature")
	require.NoError(t, d.open())
	require.ErrorIs(t, d.apply(first, newKey), config.ErrReplay)
	assert.Equal(t, "fixed-new", d.view.Load().Name)
	require.NoError(t, d.apply(numbered(t, 1, "mine"), newKey), "another document under the same number")
}

// TestRecordOfAnOlderRelease: records that name no entities and no documents count for
// the entity of the last bundle in them.
func TestRecordOfAnOlderRelease(t *testing.T) {
	d := newTwoKeys(t, asVendor(), asVendor())
	first := numbered(t, 1, "a")
	require.NoError(t, d.apply(first, oldKey))
	require.NoError(t, d.apply(numbered(t, 3, "b"), oldKey))
	name := "settings/bundles/" + oldKey.id()
	raw, err := d.dir.Get(t.Context(), name)
	require.NoError(t, err)
	var r map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw[2:], &r), "%s", raw)
	require.Contains(t, r, "entities")
	require.Contains(t, r, "digests")
	delete(r, "entities")
	delete(r, "digests")
	older, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, d.dir.Put(t.Context(), name, append(raw[:2:2], older...)))
	d.enrolled(map[string]config.BundleSigner{newKey.id(): asVendor()})
	assert.Equal(t, uint64(3), d.last(newKey).Sequence)
	require.ErrorIs(t, d.apply(first, newKey), config.ErrReplay)
	require.ErrorIs(t, d.apply(numbered(t, 2, "c"), newKey), config.ErrReplay)
	require.NoError(t, d.apply(numbered(t, 4, "d"), newKey))
}

// TestUnreadableRecordStopsItsEntity: also for its other keys.
func TestUnreadableRecordStopsItsEntity(t *testing.T) {
	d := newTwoKeys(t, asVendor(), asVendor())
	require.NoError(t, d.apply(numbered(t, 1, "a"), oldKey))
	d.spoil("settings/bundles/" + oldKey.id())
	require.NoError(t, d.open())
	require.Error(t, d.apply(numbered(t, 2, "b"), newKey))
	assert.Equal(t, "a", d.view.Load().Name)
}

// TestManyDocuments: what a record keeps is bounded.
func TestManyDocuments(t *testing.T) {
	d := newTwoKeys(t, asVendor(), asVendor())
	for i := range uint64(40) {
		require.NoError(t, d.apply(numbered(t, i+1, "a"), oldKey))
	}
	require.NoError(t, d.settings.Health(t.Context()))
	require.NoError(t, d.open())
	require.ErrorIs(t, d.apply(numbered(t, 40, "a"), newKey), config.ErrReplay)
	require.NoError(t, d.apply(numbered(t, 41, "b"), newKey))
}
