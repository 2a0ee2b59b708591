package protecttest

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/protect"
)

func revokerRules() []Rule {
	const of = "Revoker"
	return []Rule{
		{of, "Generation", "Generation is 0 on a KeyStore that never advanced, and afterwards what the last Advance was given, also after a restart.", checkGeneration},
		{of, "SealIsPresent", "Seal seals for the present generation.", checkSealIsPresent},
		{of, "SealForRange", "SealFor accepts the present generation and the next one, and refuses any other with an error that is [io/fs.ErrInvalid].", checkSealForRange},
		{of, "NotBefore", "A blob for the next generation is refused with an error that is [ErrPolicy] until that generation has begun, and opens from then on.", checkNotBefore},
		{of, "OldIsDead", "Advance of the next generation begins it; from then on every blob for an older one is refused with an error that is [ErrRollback] or [ErrLost].", checkOldIsDead},
		{of, "AdvanceTwice", "Advance of the present generation gives nil and changes nothing, so that it can be repeated after any power cut.", checkAdvanceTwice},
		{of, "NoJump", "Advance of any other generation is refused with an error that is [io/fs.ErrInvalid] and changes nothing.", checkNoJump},
		{of, "PowerCut", "A power cut before, within or after Advance leaves the old generation or the new one with all its effects.", checkAdvanceCut},
	}
}

// revoker finds the ability, or a stand-in that fails.
func (k *kit) revoker(ks protect.KeyStore) protect.Revoker {
	rev, ok := protect.RevokerOf(ks)
	if !ok {
		k.Fatal("protecttest: Revoker is declared and absent")
	}
	return rev
}

func (k *kit) generation(ks protect.KeyStore, want uint64) error {
	gen, err := k.revoker(ks).Generation(k.ctx)
	if err != nil || gen != want {
		return fmt.Errorf("generation is %d with error %v, want %d", gen, err, want)
	}
	return nil
}

// advanced returns a new device in generation gen.
func (k *kit) advanced(gen uint64) (protect.KeyStore, error) {
	ks := k.open()
	for g := uint64(1); g <= gen; g++ {
		if err := k.revoker(ks).Advance(k.ctx, g); err != nil {
			return nil, fmt.Errorf("advance to %d: %w", g, err)
		}
	}
	return ks, nil
}

func checkGeneration(k *kit) error {
	ks := k.open()
	for gen := range uint64(4) {
		if gen > 0 {
			if err := k.revoker(ks).Advance(k.ctx, gen); err != nil {
				return fmt.Errorf("advance to %d: %w", gen, err)
			}
		}
		if err := k.generation(ks, gen); err != nil {
			return err
		}
		ks = k.reopen(ks)
		if err := k.generation(ks, gen); err != nil {
			return fmt.Errorf("after a restart: %w", err)
		}
	}
	return nil
}

func checkSealIsPresent(k *kit) error {
	ks, err := k.advanced(2)
	if err != nil {
		return err
	}
	blob, err := ks.Seal(k.ctx, sample(32))
	if err != nil {
		return err
	}
	if err := k.opens(ks, blob); err != nil {
		return err
	}
	if err := k.revoker(ks).Advance(k.ctx, 3); err != nil {
		return err
	}
	return k.refused(ks, blob, protect.ErrRollback, protect.ErrLost)
}

func checkSealForRange(k *kit) error {
	ks, err := k.advanced(2)
	if err != nil {
		return err
	}
	for _, gen := range []uint64{0, 1, 4, 5, 1 << 63} {
		blob, err := k.revoker(ks).SealFor(k.ctx, gen, sample(32))
		if err := isOneOf(blob != nil, err, fs.ErrInvalid); err != nil {
			return fmt.Errorf("for %d in 2: %w", gen, err)
		}
	}
	blob, err := k.revoker(ks).SealFor(k.ctx, 2, sample(32))
	if err != nil {
		return fmt.Errorf("for 2 in 2: %w", err)
	}
	if err := k.opens(ks, blob); err != nil {
		return fmt.Errorf("for 2 in 2: %w", err)
	}
	_, err = k.revoker(ks).SealFor(k.ctx, 3, sample(32))
	return err
}

func checkNotBefore(k *kit) error {
	ks, err := k.advanced(1)
	if err != nil {
		return err
	}
	blob, err := k.revoker(ks).SealFor(k.ctx, 2, sample(32))
	if err != nil {
		return err
	}
	for range 2 {
		if err := k.refused(ks, blob, protect.ErrPolicy); err != nil {
			return fmt.Errorf("before its generation: %w", err)
		}
		ks = k.reopen(ks)
	}
	if err := k.revoker(ks).Advance(k.ctx, 2); err != nil {
		return err
	}
	for range 2 {
		if err := k.opens(ks, blob); err != nil {
			return fmt.Errorf("in its generation: %w", err)
		}
		ks = k.reopen(ks)
	}
	return nil
}

func checkOldIsDead(k *kit) error {
	ks := k.open()
	var blobs [][]byte
	for gen := range uint64(4) {
		if gen > 0 {
			if err := k.revoker(ks).Advance(k.ctx, gen); err != nil {
				return err
			}
		}
		for i, blob := range blobs {
			if err := k.refused(ks, blob, protect.ErrRollback, protect.ErrLost); err != nil {
				return fmt.Errorf("blob %d in generation %d: %w", i, gen, err)
			}
		}
		for _, g := range []uint64{gen, gen} { // two, to have more than one to kill
			blob, err := k.revoker(ks).SealFor(k.ctx, g, sample(32))
			if err != nil {
				return err
			}
			if err := k.opens(ks, blob); err != nil {
				return fmt.Errorf("a blob for generation %d, begun: %w", g, err)
			}
			blobs = append(blobs, blob)
		}
	}
	ks = k.reopen(ks)
	return k.refused(ks, blobs[0], protect.ErrRollback, protect.ErrLost)
}

func checkAdvanceTwice(k *kit) error {
	ks, err := k.advanced(3)
	if err != nil {
		return err
	}
	blob, err := ks.Seal(k.ctx, sample(32))
	if err != nil {
		return err
	}
	for range 3 {
		if err := k.revoker(ks).Advance(k.ctx, 3); err != nil {
			return fmt.Errorf("advance to 3 in 3: %w", err)
		}
		if err := errors.Join(k.generation(ks, 3), k.opens(ks, blob)); err != nil {
			return err
		}
		ks = k.reopen(ks)
	}
	return nil
}

func checkNoJump(k *kit) error {
	ks, err := k.advanced(2)
	if err != nil {
		return err
	}
	blob, err := ks.Seal(k.ctx, sample(32))
	if err != nil {
		return err
	}
	for _, gen := range []uint64{0, 1, 4, 5, 1 << 63} {
		if err := isOneOf(false, k.revoker(ks).Advance(k.ctx, gen), fs.ErrInvalid); err != nil {
			return fmt.Errorf("to %d in 2: %w", gen, err)
		}
		if err := errors.Join(k.generation(ks, 2), k.opens(ks, blob)); err != nil {
			return fmt.Errorf("after a refused advance to %d: %w", gen, err)
		}
	}
	return nil
}

// maxSteps bounds the steps of one call that are cut.
const maxSteps = 1000

func checkAdvanceCut(k *kit) error {
	for n := range maxSteps {
		ks, err := k.advanced(1)
		if err != nil {
			return err
		}
		old, err := ks.Seal(k.ctx, sample(32))
		if err != nil {
			return err
		}
		next, err := k.revoker(ks).SealFor(k.ctx, 2, sample(32))
		if err != nil {
			return err
		}
		var acked bool
		after, cut := k.h.Interrupt(k.TB, ks, n, func() { acked = k.revoker(ks).Advance(k.ctx, 2) == nil })
		if err := k.afterCut(after, old, next, acked); err != nil {
			return fmt.Errorf("power cut before step %d: %w", n, err)
		}
		if !cut {
			return nil
		}
	}
	return fmt.Errorf("more than %d steps", maxSteps)
}

// afterCut checks a device that lost its power in an Advance from 1 to 2.
func (k *kit) afterCut(ks protect.KeyStore, old, next []byte, acked bool) error {
	gen, err := k.revoker(ks).Generation(k.ctx)
	if err != nil {
		return err
	}
	if gen != 2 && (gen != 1 || acked) {
		return fmt.Errorf("generation is %d, acknowledged %v", gen, acked)
	}
	if gen == 1 {
		if err := k.opens(ks, old); err != nil {
			return fmt.Errorf("old generation: %w", err)
		}
		if err := k.refused(ks, next, protect.ErrPolicy); err != nil {
			return fmt.Errorf("old generation, next blob: %w", err)
		}
	}
	if err := k.revoker(ks).Advance(k.ctx, 2); err != nil {
		return fmt.Errorf("repeat: %w", err)
	}
	if err := k.refused(ks, old, protect.ErrRollback, protect.ErrLost); err != nil {
		return fmt.Errorf("new generation, old blob: %w", err)
	}
	return k.opens(ks, next)
}
