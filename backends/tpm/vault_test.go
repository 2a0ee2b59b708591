package tpm_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/protect"
)

// allow lets everybody do everything.
type allow struct{}

func (allow) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: true, Rule: "test"}
}

func somebody(t *testing.T) context.Context {
	return access.WithEntity(t.Context(), &access.Entity{})
}

// write keeps a letter of a person in the vault; read gets it.
func write(t *testing.T, v *protect.Vault, who string) {
	c, err := v.Subject(somebody(t), who)
	require.NoError(t, err)
	require.NoError(t, c.Put(somebody(t), "letter", []byte("of "+who)))
}

func read(ctx context.Context, v *protect.Vault, who string) (string, error) {
	c, err := v.OpenSubject(ctx, who)
	if err != nil {
		return "", err
	}
	letter, err := c.Get(ctx, "letter")
	return string(letter), err
}

// insert restarts the device with another medium in it.
func (d *device) insert(medium string) {
	d.off()
	d.medium = medium
	d.on()
}

// vault opens the vault on the medium that is in the device.
func (d *device) vault(ctx context.Context) (*protect.Vault, error) {
	v, err := protect.Open(ctx, d.dir, d.mustOpen(), nil)
	if err == nil {
		v.Guard(allow{})
	}
	return v, err
}

// image copies a medium, as somebody does who takes it out.
func image(t *testing.T, of string) string {
	to := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.CopyFS(to, os.DirFS(of)))
	return to
}

// blobs finds everything on a medium that the TPM has sealed, wherever it lies.
func blobs(t *testing.T, medium string) (found [][]byte) {
	text := regexp.MustCompile(`YnRwbQEB[A-Za-z0-9+/]*={0,2}`)
	require.NoError(t, fs.WalkDir(os.DirFS(medium), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(medium, name))
		for _, b := range text.FindAll(data, -1) {
			if raw, err := base64.StdEncoding.DecodeString(string(b)); err == nil {
				found = append(found, raw)
			}
		}
		for at := bytes.Index(data, []byte("btpm\x01\x01")); at >= 0; {
			for end := at + 1; end <= len(data); end++ { // its length is not written down there
				found = append(found, data[at:end])
			}
			next := bytes.Index(data[at+1:], []byte("btpm\x01\x01"))
			if next < 0 {
				break
			}
			at += 1 + next
		}
		return err
	}))
	return found
}

// TestErasedImageStaysClosed: who keeps an image of the medium from before an erasure,
// and has the device, reads nothing of who was erased: neither by our code nor by asking
// the TPM for everything in it.
func TestErasedImageStaysClosed(t *testing.T) {
	ctx := somebody(t)
	d := newDevice(t, nil).on()
	medium := d.medium
	v, err := protect.Provision(ctx, d.dir, d.provision(), nil)
	require.NoError(t, err)
	v.Guard(allow{})
	write(t, v, "alice")
	write(t, v, "bob")
	before := image(t, medium)
	sealed := blobs(t, before)
	require.NotEmpty(t, sealed)

	control, raw, vault, neighbour := "refused", "refused", "refused", "refused"
	d.insert(image(t, before))
	require.Positive(t, d.opened(ctx, sealed), "the attacker does find what opens")
	old, err := d.vault(ctx)
	require.NoError(t, err)
	if letter, err := read(ctx, old, "alice"); err == nil && letter == "of alice" {
		control = "opens"
	}

	d.insert(medium)
	v, err = d.vault(ctx)
	require.NoError(t, err)
	method, err := v.Erase(ctx, "alice")
	require.NoError(t, err)
	t.Logf("method: %s", method)

	d.insert(image(t, before))
	if d.opened(ctx, sealed) > 0 {
		raw = "opens"
	}
	if _, err = d.vault(ctx); err == nil {
		vault = "opens"
	} else {
		require.ErrorIs(t, err, protect.ErrRollback)
	}
	d.insert(medium)
	v, err = d.vault(ctx)
	require.NoError(t, err)
	if letter, err := read(ctx, v, "bob"); err == nil && letter == "of bob" {
		neighbour = "opens"
	}
	_, err = read(ctx, v, "alice")
	require.ErrorIs(t, err, protect.ErrMissing)
	t.Logf("control=%s raw=%s vault=%s neighbour=%s", control, raw, vault, neighbour)
	assert.Equal(t, [4]string{"opens", "refused", "refused", "opens"}, [4]string{control, raw, vault, neighbour})
}

// opened counts the blobs that the TPM unseals.
func (d *device) opened(ctx context.Context, sealed [][]byte) (n int) {
	keys := d.mustOpen()
	for _, b := range sealed {
		if _, err := keys.Unseal(ctx, b); err == nil {
			n++
		}
	}
	return n
}
