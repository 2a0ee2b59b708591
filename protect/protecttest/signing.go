package protecttest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"sync"

	"github.com/iot-device-baseline/baseline/protect"
)

func signingRules() []Rule {
	const of = "SigningKeys"
	return []Rule{
		{of, "Reopen", "OpenKey opens what CreateKey returned, with the same public key, also after a restart and after any Advance of a [Revoker].", checkKeyReopen},
		{of, "ForeignKey", "A blob of another device, or a damaged one, is refused with an error that is [ErrTampered], [ErrForeign] or [ErrLost].", checkForeignKey},
		{of, "Algorithms", "An Algorithm that the KeyStore does not know gives an error that is [errors.ErrUnsupported]; at least one is known.", checkAlgorithms},
		{of, "ConcurrentSign", "A [Signer] may be used concurrently, and until its Close.", checkConcurrentSign},
		{of, "Digests", "ECDSA keys sign digests of SHA-256 and of SHA-384.", checkDigests},
	}
}

func counterRules() []Rule {
	const of = "Counter"
	return []Rule{
		{of, "Value", "Value returns what the last Increment returned, also after a restart.", checkValue},
		{of, "Increment", "Increment adds exactly one and returns the new value.", checkIncrement},
		{of, "PowerCut", "A power cut within Increment leaves the value before or the one after.", checkIncrementCut},
	}
}

func (k *kit) signing(ks protect.KeyStore) protect.SigningKeys {
	keys, ok := protect.SigningKeysOf(ks)
	if !ok {
		k.Fatal("protecttest: SigningKeys is declared and absent")
	}
	return keys
}

func (k *kit) counter(ks protect.KeyStore) protect.Counter {
	c, ok := protect.CounterOf(ks)
	if !ok {
		k.Fatal("protecttest: Counter is declared and absent")
	}
	return c
}

// algorithms are those of the interface, and some that never exist.
func algorithms() []protect.Algorithm {
	return []protect.Algorithm{protect.ECDSAP256, protect.Ed25519, 0, -1, 99}
}

// each calls fn with a new key of every algorithm that the key store knows.
func (k *kit) each(ks protect.KeyStore, fn func(alg protect.Algorithm, blob []byte) error) error {
	for _, alg := range algorithms() {
		blob, err := k.signing(ks).CreateKey(k.ctx, alg)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err == nil {
			err = fn(alg, blob)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", alg, err)
		}
	}
	return nil
}

// equal is what every public key of crypto has.
type equal interface{ Equal(crypto.PublicKey) bool }

// sign has s sign a message, and verifies it.
func sign(s protect.Signer, message []byte, hash crypto.Hash) error {
	digest := message
	switch hash {
	case crypto.SHA256:
		d := sha256.Sum256(message)
		digest = d[:]
	case crypto.SHA384:
		d := sha512.Sum384(message)
		digest = d[:]
	}
	sig, err := s.Sign(rand.Reader, digest, hash)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	ok := false
	switch public := s.Public().(type) {
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(public, digest, sig)
	case ed25519.PublicKey:
		ok = ed25519.Verify(public, digest, sig)
	default:
		return fmt.Errorf("public key is a %T", public)
	}
	if !ok {
		return errors.New("the signature does not verify")
	}
	return nil
}

// hashFor is one that a key of the algorithm signs.
func hashFor(alg protect.Algorithm) crypto.Hash {
	if alg == protect.Ed25519 {
		return 0
	}
	return crypto.SHA256
}

func checkKeyReopen(k *kit) error {
	ks := k.open()
	return k.each(ks, func(alg protect.Algorithm, blob []byte) error {
		first, err := k.signing(ks).OpenKey(k.ctx, blob)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		public, ok := first.Public().(equal)
		if !ok {
			return fmt.Errorf("public key is a %T", first.Public())
		}
		for i := range restarts {
			if rev, ok := protect.RevokerOf(ks); ok {
				gen, err := rev.Generation(k.ctx)
				if err == nil {
					err = rev.Advance(k.ctx, gen+1)
				}
				if err != nil {
					return err
				}
			}
			ks = k.reopen(ks)
			s, err := k.signing(ks).OpenKey(k.ctx, blob)
			if err != nil {
				return fmt.Errorf("open after %d restarts: %w", i+1, err)
			}
			if !public.Equal(s.Public()) {
				return errors.New("the public key changed")
			}
			if err := errors.Join(sign(s, []byte("m"), hashFor(alg)), s.Close()); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkForeignKey(k *kit) error {
	ks, other := k.open(), k.h.Other(k.TB)
	want := []error{protect.ErrTampered, protect.ErrForeign, protect.ErrLost}
	return k.each(ks, func(_ protect.Algorithm, blob []byte) error {
		s, err := k.signing(other).OpenKey(k.ctx, blob)
		if err := isOneOf(s != nil, err, want...); err != nil {
			return fmt.Errorf("of another device: %w", err)
		}
		for i := range blob {
			damaged := bytes.Clone(blob)
			damaged[i] ^= 0x10
			s, err := k.signing(ks).OpenKey(k.ctx, damaged)
			if err := isOneOf(s != nil, err, want...); err != nil {
				return fmt.Errorf("byte %d changed: %w", i, err)
			}
		}
		return nil
	})
}

func checkAlgorithms(k *kit) error {
	ks := k.open()
	known := 0
	for _, alg := range algorithms() {
		blob, err := k.signing(ks).CreateKey(k.ctx, alg)
		named := alg == protect.ECDSAP256 || alg == protect.Ed25519
		if err == nil && named {
			known++
			continue
		}
		if err := isOneOf(blob != nil, err, errors.ErrUnsupported); err != nil {
			return fmt.Errorf("%v (%d): %w", alg, int(alg), err)
		}
	}
	if known == 0 {
		return errors.New("none is known")
	}
	return nil
}

func checkConcurrentSign(k *kit) error {
	ks := k.open()
	return k.each(ks, func(alg protect.Algorithm, blob []byte) error {
		s, err := k.signing(ks).OpenKey(k.ctx, blob)
		if err != nil {
			return err
		}
		errs := make([]error, 32)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = sign(s, []byte{byte(i)}, hashFor(alg)) })
		}
		all.Wait()
		if err := errors.Join(append(errs, s.Close(), s.Close())...); err != nil {
			return err
		}
		if sign(s, []byte("m"), hashFor(alg)) == nil {
			return errors.New("it signs after Close")
		}
		return nil
	})
}

func checkDigests(k *kit) error {
	ks := k.open()
	return k.each(ks, func(alg protect.Algorithm, blob []byte) error {
		if alg != protect.ECDSAP256 {
			return nil
		}
		s, err := k.signing(ks).OpenKey(k.ctx, blob)
		if err != nil {
			return err
		}
		return errors.Join(sign(s, []byte("a"), crypto.SHA256), sign(s, []byte("b"), crypto.SHA384), s.Close())
	})
}

func checkValue(k *kit) error {
	ks := k.open()
	for range restarts {
		last, err := k.counter(ks).Increment(k.ctx)
		if err != nil {
			return err
		}
		for range 2 {
			if v, err := k.counter(ks).Value(k.ctx); err != nil || v != last {
				return fmt.Errorf("value is %d with error %v, want %d", v, err, last)
			}
			ks = k.reopen(ks)
		}
	}
	return nil
}

func checkIncrement(k *kit) error {
	ks := k.open()
	last, err := k.counter(ks).Value(k.ctx)
	if err != nil {
		return err
	}
	for range 20 {
		v, err := k.counter(ks).Increment(k.ctx)
		if err != nil || v != last+1 {
			return fmt.Errorf("increment gave %d after %d, error %v", v, last, err)
		}
		last = v
	}
	return nil
}

func checkIncrementCut(k *kit) error {
	for n := range maxSteps {
		ks := k.open()
		before, err := k.counter(ks).Increment(k.ctx)
		if err != nil {
			return err
		}
		acked := false
		after, cut := k.h.Interrupt(k.TB, ks, n, func() {
			_, err := k.counter(ks).Increment(k.ctx)
			acked = err == nil
		})
		v, err := k.counter(after).Value(k.ctx)
		if err != nil || v != before+1 && (v != before || acked) {
			return fmt.Errorf("power cut before step %d: value is %d with error %v, before %d, acknowledged %v", n, v, err, before, acked)
		}
		if !cut {
			return nil
		}
	}
	return fmt.Errorf("more than %d steps", maxSteps)
}
