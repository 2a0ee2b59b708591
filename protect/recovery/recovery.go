package recovery

import (
	"context"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// Asked is a request of this device, with the key that opens the answer, in memory only.
// One answer serves it. It is for one goroutine at a time.
type Asked struct {
	of      *protect.Recovery
	request *Request
	raw     []byte
	key     hpke.PrivateKey
}

// Ask makes a request for the vault in dir, which does not open any more. It does I/O. A vault
// that has nothing to recover gives an error that is [protect.ErrMissing].
func Ask(ctx context.Context, dir *durable.Dir) (*Asked, error) {
	of, err := protect.ReadRecovery(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("recovery: ask: %w", err)
	}
	key, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("recovery: ask: %w", err)
	}
	r := &Request{
		Device: of.Vault, KeyStore: of.KeyStore, Generation: of.Generation, State: hex.EncodeToString(of.State[:]),
		Info: of.Info, Sealed: of.Sealed, Key: key.PublicKey().Bytes(),
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("recovery: ask: %w", err)
	}
	r.digest = sha256.Sum256(raw)
	return &Asked{of: of, request: r, raw: raw, key: key}, nil
}

// Request returns what the vendor's bench gets: JSON, at most [MaxRequest] bytes, without
// secrets.
func (a *Asked) Request() []byte { return a.raw }

// Recover takes the answer: see [protect.Recover], whose errors and conditions are its own;
// opts.Presence is asked. An answer that authorities did not sign gives the errors of
// package receipt; one to another request is [protect.ErrForeign].
func (a *Asked) Recover(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options, answer []byte, from Authorities) (*protect.Vault, error) {
	secret, err := from.open(a.request, a.key, answer)
	if err != nil {
		return nil, fmt.Errorf("recovery: %w", err)
	}
	defer clear(secret)
	v, err := protect.Recover(ctx, dir, keys, opts, a.of, secret)
	if err != nil {
		return nil, fmt.Errorf("recovery: %w", err)
	}
	return v, nil
}

// Format redacts the key.
func (a *Asked) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "recovery.Asked[redacted]")
}

// MarshalText redacts the key.
func (a *Asked) MarshalText() ([]byte, error) { return []byte("recovery.Asked[redacted]"), nil }

// LogValue redacts the key.
func (a *Asked) LogValue() slog.Value { return slog.StringValue("recovery.Asked[redacted]") }
