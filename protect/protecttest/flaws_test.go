package protecttest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/iot-device-baseline/baseline/protect"
)

// flaws returns a broken fake for each rule.
func flaws() map[string]flaw {
	all := keyStoreFlaws()
	maps.Copy(all, signingFlaws())
	maps.Copy(all, revokerFlaws())
	return all
}

func keyStoreFlaws() map[string]flaw {
	arrived := make(chan []byte, 1)
	return map[string]flaw{
		"KeyStore/Roundtrip": {unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			if f.boots >= 4 { // counts power cuts as wrong tries
				return nil, &protect.LockoutError{}
			}
			return f.Token.Unseal(ctx, blob)
		}},
		"KeyStore/Sizes": {seal: func(f *fake, ctx context.Context, secret []byte) ([]byte, error) {
			return f.Token.Seal(ctx, secret[:min(len(secret), 128)])
		}},
		"KeyStore/Hidden": {seal: func(f *fake, ctx context.Context, secret []byte) ([]byte, error) {
			blob, err := f.Token.Seal(ctx, secret)
			return append(blob, secret...), err
		}, unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			return f.Token.Unseal(ctx, blob[:(len(blob)+blobHead+28)/2])
		}},
		"KeyStore/Tamper": {unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			return f.Token.Unseal(ctx, blob[:min(len(blob), blobHead+28+32)])
		}},
		"KeyStore/OtherDevice": {unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			secret, err := f.Token.Unseal(ctx, blob)
			if errors.Is(err, protect.ErrLost) {
				err = protect.ErrUnavailable // would be retried for ever
			}
			return secret, err
		}},
		"KeyStore/AfterFailures": {unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			secret, err := f.Token.Unseal(ctx, blob)
			if err != nil && f.calls.Add(1) > 32 {
				f.SetFault(&protect.LockoutError{})
			}
			return secret, err
		}},
		"KeyStore/Leaks": {unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			if f.calls.Add(1) > 150 {
				return nil, protect.ErrUnavailable
			}
			return f.Token.Unseal(ctx, blob)
		}},
		"KeyStore/Concurrent": {seal: func(f *fake, ctx context.Context, secret []byte) ([]byte, error) {
			switch f.calls.Add(1) {
			case 1: // one buffer for all: a second call overwrites it
				return f.Token.Seal(ctx, <-arrived)
			case 2:
				arrived <- secret
			}
			return f.Token.Seal(ctx, secret)
		}},
		"KeyStore/Cancelled": {seal: func(f *fake, ctx context.Context, secret []byte) ([]byte, error) {
			return f.Token.Seal(context.WithoutCancel(ctx), secret)
		}},
		"KeyStore/Closed": {close: func() error { return nil }},
		"KeyStore/Info": {info: func(i protect.Info) protect.Info {
			i.Advance = protect.ReachNone
			return i
		}},
	}
}

func signingFlaws() map[string]flaw {
	return map[string]flaw{
		"SigningKeys/Reopen": {openKey: func(f *fake, ctx context.Context, blob []byte) (protect.Signer, error) {
			if gen, _ := f.Token.Generation(ctx); gen > 0 { // keys die with the generation
				return nil, protect.ErrLost
			}
			return f.Token.OpenKey(ctx, blob)
		}},
		"SigningKeys/ForeignKey": {openKey: func(f *fake, ctx context.Context, blob []byte) (protect.Signer, error) {
			s, err := f.Token.OpenKey(ctx, blob)
			if err != nil {
				err = errors.New("no")
			}
			return s, err
		}},
		"SigningKeys/Algorithms": {createKey: func(f *fake, ctx context.Context, _ protect.Algorithm) ([]byte, error) {
			return f.Token.CreateKey(ctx, protect.ECDSAP256)
		}},
		"SigningKeys/ConcurrentSign": {openKey: func(f *fake, ctx context.Context, blob []byte) (protect.Signer, error) {
			s, err := f.Token.OpenKey(ctx, blob)
			return deafSigner{s}, err
		}},
		"SigningKeys/Digests": {openKey: func(f *fake, ctx context.Context, blob []byte) (protect.Signer, error) {
			s, err := f.Token.OpenKey(ctx, blob)
			return shortSigner{s}, err
		}},
		"Counter/Value": {value: func(f *fake, v uint64) uint64 {
			if f.boots > 2 {
				return 0
			}
			return v
		}},
		"Counter/Increment": {increment: func(f *fake, ctx context.Context) (uint64, error) {
			if _, err := f.Token.Increment(ctx); err != nil {
				return 0, err
			}
			return f.Token.Increment(ctx)
		}},
		"Counter/PowerCut": {increment: func(f *fake, ctx context.Context) (uint64, error) {
			v, _ := f.Token.Value(ctx)
			if err := f.store(func(s *state) { s.count = 0 }); err != nil {
				return 0, err
			}
			return v + 1, f.store(func(s *state) { s.count = v + 1 })
		}},
	}
}

func revokerFlaws() map[string]flaw {
	return map[string]flaw{
		"Revoker/Generation": {generation: func(f *fake, gen uint64) uint64 {
			if f.boots > 1 {
				return gen + 1
			}
			return gen
		}},
		"Revoker/SealIsPresent": {seal: func(f *fake, ctx context.Context, secret []byte) ([]byte, error) {
			gen, _ := f.Token.Generation(ctx)
			return f.Token.SealFor(ctx, gen+1, secret)
		}},
		"Revoker/SealForRange": {sealFor: func(f *fake, ctx context.Context, gen uint64, secret []byte) ([]byte, error) {
			now, _ := f.Token.Generation(ctx)
			return f.Token.SealFor(ctx, min(max(gen, now), now+1), secret)
		}},
		"Revoker/NotBefore": {sealFor: func(f *fake, ctx context.Context, _ uint64, secret []byte) ([]byte, error) {
			return f.Token.Seal(ctx, secret)
		}},
		"Revoker/OldIsDead": {unseal: func(f *fake, ctx context.Context, blob []byte) ([]byte, error) {
			s, err := f.begin(ctx)
			if err != nil || len(blob) < blobHead {
				return nil, fmt.Errorf("%w: %w", protect.ErrTampered, err)
			}
			s.generation = min(s.generation, binary.BigEndian.Uint64(blob[1:]))
			return s.open(kindSecret, blob)
		}},
		"Revoker/AdvanceTwice": {advance: func(f *fake, ctx context.Context, gen uint64) error {
			if now, _ := f.Token.Generation(ctx); gen == now {
				return fs.ErrInvalid
			}
			return f.Token.Advance(ctx, gen)
		}},
		"Revoker/NoJump": {advance: func(f *fake, ctx context.Context, gen uint64) error {
			if now, _ := f.Token.Generation(ctx); gen > now+1 {
				return f.store(func(s *state) { s.generation = gen })
			}
			return f.Token.Advance(ctx, gen)
		}},
		"Revoker/PowerCut": {advance: func(f *fake, ctx context.Context, gen uint64) error {
			if now, _ := f.Token.Generation(ctx); gen != 2 || now != 1 {
				return f.Token.Advance(ctx, gen)
			}
			var seed []byte
			if err := f.store(func(s *state) { seed, s.seed = s.seed, make([]byte, seedSize) }); err != nil {
				return err
			}
			return f.store(func(s *state) { s.seed, s.generation = seed, gen })
		}},
	}
}
