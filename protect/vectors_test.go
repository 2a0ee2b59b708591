package protect_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect"
)

var update = flag.Bool("update", false, "write new test vectors")

const vectorFile = "testdata/vectors.json"

// vectors are one of each stored form. Compartment: class settings, id 16 bytes
// of 1, key 32 bytes of 2. Root: 32 bytes of 7.
type vectors struct {
	Name      string `json:"name"`
	Version   uint64 `json:"version"`
	Value     []byte `json:"value"`
	Object    []byte `json:"object"`
	Path      string `json:"path"`
	Log       string `json:"log"`
	LogPath   string `json:"log_path"`
	Seq       uint64 `json:"seq"`
	Record    []byte `json:"record"`
	Sealed    []byte `json:"sealed_record"`
	VaultID   string `json:"vault_id"`
	KeyStore  string `json:"key_store"`
	TableFile []byte `json:"table"`

	Stream     []byte `json:"stream"` // of Value, under Name
	StreamPath string `json:"stream_path"`
}

func (v vectors) header() protect.HeaderFields {
	return protect.HeaderFields{ID: v.VaultID, KeyStore: v.KeyStore, Hardware: true}
}

func writeVectors(t *testing.T) {
	c := protect.NewFixed(protect.ClassSettings, 1, 2)
	v := vectors{Name: "network/wifi", Version: 7, Log: "changes", Seq: 5, Record: []byte("a record"),
		VaultID: "000102030405060708090a0b0c0d0e0f", KeyStore: "token"}
	v.Value = bytes.Repeat([]byte("0123456789"), 100)
	v.Object, v.Path, v.LogPath = c.Seal(v.Name, v.Version, v.Value), c.Path(v.Name), c.LogPath(v.Log)
	v.Stream, v.StreamPath = c.SealStream(v.Name, v.Version, v.Value), c.StreamPath(v.Name)
	var err error
	v.Sealed, err = c.Codec(v.Log).Seal(v.Seq, v.Record)
	require.NoError(t, err)
	v.TableFile = protect.FixedTable(v.header(), protect.ClassSettings, 1, 2, []byte("sealed root"))
	text, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(vectorFile, append(text, '\n'), 0o644))
}

func readVectors(t *testing.T) (v vectors) {
	if *update {
		writeVectors(t)
	}
	text, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// TestVectors: this release reads what was written before.
func TestVectors(t *testing.T) {
	v := readVectors(t)
	c := protect.NewFixed(protect.ClassSettings, 1, 2)
	value, err := c.Open(v.Name, v.Object)
	require.NoError(t, err)
	assert.Equal(t, v.Value, value)
	assert.Equal(t, v.Path, c.Path(v.Name))
	assert.Equal(t, v.LogPath, c.LogPath(v.Log))
	value, err = c.OpenStream(t.Context(), v.Name, v.Stream)
	require.NoError(t, err)
	assert.Equal(t, v.Value, value)
	assert.Equal(t, v.StreamPath, c.StreamPath(v.Name))
	record, err := c.Codec(v.Log).Open(v.Seq, v.Sealed)
	require.NoError(t, err)
	assert.Equal(t, v.Record, record)
	h := v.header()
	opened, err := protect.TryTable(&h, v.TableFile, func(blob []byte) ([]byte, error) {
		assert.Equal(t, "sealed root", string(blob))
		return bytes.Repeat([]byte{7}, 32), nil
	})
	require.NoError(t, err)
	require.Len(t, opened.Keys, 1)
	name, value, err := opened.Keys[0].TryObject(v.Object)
	require.NoError(t, err)
	assert.Equal(t, v.Name, name)
	assert.Equal(t, v.Value, value)
}

// TestVectorsByTheDocument reads the vectors with nothing but what format.go says.
func TestVectorsByTheDocument(t *testing.T) {
	v := readVectors(t)
	key := bytes.Repeat([]byte{2}, 32)
	derive := func(salt []byte, info string) []byte {
		k, err := hkdf.Key(sha256.New, key, salt, info, 32)
		require.NoError(t, err)
		return k
	}
	decrypt := func(key, box, data []byte) []byte {
		block, err := aes.NewCipher(key)
		require.NoError(t, err)
		var plain []byte
		fips140.WithoutEnforcement(func() { // which has no GCM that takes a nonce
			gcm, gerr := cipher.NewGCM(block)
			require.NoError(t, gerr)
			plain, err = gcm.Open(nil, box[:12], box[12:], data)
		})
		require.NoError(t, err)
		return plain
	}
	raw := v.Object
	head, n := raw[:47], int(binary.BigEndian.Uint16(raw[45:47]))
	require.Equal(t, "bpo\x01\x01", string(raw[:5]))
	require.Equal(t, v.Version, binary.BigEndian.Uint64(raw[21:29]))
	name := decrypt(derive(nil, "baseline/protect/name/1"), raw[47:47+n], head)
	require.Equal(t, v.Name, string(name[1:1+name[0]]))
	objectKey := derive(raw[29:45], "baseline/protect/object/1"+string(raw[4])+string(raw[21:29])+v.Name)
	data := append(append([]byte("baseline/protect/segment/1"), head...), 0, 0, 0, 0, 1)
	require.Equal(t, v.Value, decrypt(objectKey, raw[47+n:], data))

	mac := hmac.New(sha256.New, derive(nil, "baseline/protect/mac/1"))
	mac.Write([]byte("object\x00" + v.Name))
	require.Equal(t, v.Path, "vault/"+hex.EncodeToString(raw[5:21])+"/"+hex.EncodeToString(mac.Sum(nil)[:16]))

	raw = v.Stream
	head, n = raw[:47], int(binary.BigEndian.Uint16(raw[45:47]))
	require.Equal(t, "bps\x01\x01", string(raw[:5]))
	name = decrypt(derive(nil, "baseline/protect/name/1"), raw[47:47+n], head)
	require.Equal(t, v.Name, string(name[1:1+name[0]]))
	streamKey := derive(raw[29:45], "baseline/protect/stream/1"+string(raw[4])+string(raw[21:29])+v.Name)
	data = append(append([]byte("baseline/protect/segment/1"), head...), 0, 0, 0, 0, 1)
	require.Equal(t, v.Value, decrypt(streamKey, raw[47+n:], data))
	mac.Reset()
	mac.Write([]byte("stream\x00" + v.Name))
	require.Equal(t, v.StreamPath, "vault/"+hex.EncodeToString(raw[5:21])+"/"+hex.EncodeToString(mac.Sum(nil)[:16]))

	seq := binary.BigEndian.AppendUint64(append(append([]byte("baseline/protect/record/1"), 1), bytes.Repeat([]byte{1}, 16)...), v.Seq)
	require.Equal(t, v.Record, decrypt(derive(nil, "baseline/protect/log/1"+v.Log), v.Sealed, seq))

	table := v.TableFile
	n = int(binary.BigEndian.Uint16(table[12:14]))
	id, err := hex.DecodeString(v.VaultID)
	require.NoError(t, err)
	data = append(append([]byte("baseline/protect/table/1"), table[:14+n]...), id...)
	data = append(append(data, 1), v.KeyStore...)
	entries := decrypt(bytes.Repeat([]byte{7}, 32), table[14+n:], data)
	require.Equal(t, []byte{0, 1}, entries[:2])
	require.Equal(t, key, entries[2+26:2+58])
}
