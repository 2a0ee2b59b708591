package protecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/protect"
)

func keyStoreRules() []Rule {
	const of = "KeyStore"
	return []Rule{
		{of, "Roundtrip", "Unseal returns exactly the secret that was sealed, also after a loss of power and any number of restarts.", checkRoundtrip},
		{of, "Sizes", "Seal accepts every secret of 1 to Info().MaxSecret bytes and refuses any other length with an error that is [io/fs.ErrInvalid].", checkSizes},
		{of, "Hidden", "A blob does not contain the secret, and two blobs of one secret differ.", checkHidden},
		{of, "Tamper", "A blob with any changed, missing or added byte is refused with a sentinel of this package other than [ErrUnavailable], and never gives other bytes.", checkTamper},
		{of, "OtherDevice", "A blob that another device sealed is refused with an error that is [ErrLost] or [ErrForeign].", checkOther},
		{of, "AfterFailures", "Refusing a blob, however often, leaves the KeyStore able to open the right one.", checkAfterFailures},
		{of, "Leaks", "What is used for a call is given back at its end: calls can be made without bound.", checkLeaks},
		{of, "Concurrent", "Methods may be called concurrently.", checkConcurrent},
		{of, "Cancelled", "A call with a context that is done returns that context's error and changes nothing.", checkCancelled},
		{of, "Closed", "After Close every call that works with secrets gives an error that is [io/fs.ErrClosed], and a second Close gives nil.", checkClosed},
		{of, "Info", "Info is constant, says Hardware only when reading the disk does not give the keys, and claims no ability that is absent.", checkInfo},
	}
}

// restarts is enough to trip a device that counts power cuts as wrong tries.
const restarts = 6

func checkRoundtrip(k *kit) error {
	ks, blob, err := k.sealed()
	if err != nil {
		return err
	}
	if err := k.opens(ks, blob); err != nil {
		return err
	}
	for i := range restarts {
		ks = k.reopen(ks)
		if err := k.opens(ks, blob); err != nil {
			return fmt.Errorf("after %d restarts: %w", i+1, err)
		}
	}
	return nil
}

func checkSizes(k *kit) error {
	ks := k.open()
	most := ks.Info().MaxSecret
	for _, n := range []int{1, 2, 16, 31, 32, 33, 64, most - 1, most} {
		if n > most {
			continue
		}
		blob, err := ks.Seal(k.ctx, sample(n))
		if err != nil {
			return fmt.Errorf("seal %d of at most %d bytes: %w", n, most, err)
		}
		secret, err := ks.Unseal(k.ctx, blob)
		if err != nil || !bytes.Equal(secret, sample(n)) {
			return fmt.Errorf("unseal %d bytes: %d bytes, error %v", n, len(secret), err)
		}
	}
	for _, n := range []int{0, most + 1, most + 1<<16} {
		blob, err := ks.Seal(k.ctx, sample(n))
		if err := isOneOf(blob != nil, err, fs.ErrInvalid); err != nil {
			return fmt.Errorf("seal %d of at most %d bytes: %w", n, most, err)
		}
	}
	return nil
}

func checkHidden(k *kit) error {
	ks, blob, err := k.sealed()
	if err != nil {
		return err
	}
	for i := 0; i+8 <= 32; i++ {
		if bytes.Contains(blob, sample(32)[i:i+8]) {
			return fmt.Errorf("the blob holds bytes %d to %d of the secret", i, i+7)
		}
	}
	again, err := ks.Seal(k.ctx, sample(32))
	if err != nil {
		return err
	}
	if bytes.Equal(blob, again) {
		return errors.New("the same secret gave the same blob twice")
	}
	return nil
}

// damages returns blob with each byte changed in turn, cut at each length, and
// lengthened.
func damages(blob []byte) map[string][]byte {
	out := map[string][]byte{"empty": {}, "one byte more": append(bytes.Clone(blob), 0), "twice": append(bytes.Clone(blob), blob...)}
	for i := range blob {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			c := bytes.Clone(blob)
			c[i] ^= mask
			out[fmt.Sprintf("byte %d xor %#x", i, mask)] = c
		}
		out[fmt.Sprintf("cut at %d", i)] = blob[:i:i]
	}
	return out
}

func checkTamper(k *kit) error {
	ks, blob, err := k.sealed()
	if err != nil {
		return err
	}
	for what, damaged := range damages(blob) {
		if err := k.refused(ks, damaged, final()...); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func checkOther(k *kit) error {
	_, blob, err := k.sealed()
	if err != nil {
		return err
	}
	other := k.h.Other(k.TB)
	if err := k.refused(other, blob, protect.ErrLost, protect.ErrForeign); err != nil {
		return fmt.Errorf("on a device that sealed nothing: %w", err)
	}
	own, err := other.Seal(k.ctx, sample(32))
	if err != nil {
		return err
	}
	if err := k.refused(other, blob, protect.ErrLost, protect.ErrForeign); err != nil {
		return err
	}
	return k.opens(other, own)
}

func checkAfterFailures(k *kit) error {
	ks, blob, err := k.sealed()
	if err != nil {
		return err
	}
	_, foreign, err := k.sealed()
	if err != nil {
		return err
	}
	bad := bytes.Clone(blob)
	bad[len(bad)-1] ^= 1
	for range 50 {
		for _, b := range [][]byte{bad, foreign, nil} {
			if _, err := ks.Unseal(k.ctx, b); err == nil {
				return errors.New("a wrong blob was accepted")
			}
		}
	}
	return k.opens(ks, blob)
}

// loops is more than any device has handles or sessions.
const loops = 200

func checkLeaks(k *kit) error {
	ks := k.open()
	for i := range loops {
		blob, err := ks.Seal(k.ctx, sample(32))
		if err != nil {
			return fmt.Errorf("seal number %d: %w", i, err)
		}
		if err := k.opens(ks, blob); err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
	}
	return nil
}

func checkConcurrent(k *kit) error {
	ks := k.open()
	errs := make([]error, 32)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			secret := bytes.Repeat([]byte{byte(i)}, 32)
			blob, err := ks.Seal(k.ctx, secret)
			var got []byte
			if err == nil {
				got, err = ks.Unseal(k.ctx, blob)
			}
			if err == nil && !bytes.Equal(got, secret) {
				err = fmt.Errorf("goroutine %d got the secret of another", i)
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func checkCancelled(k *kit) error {
	ks, blob, err := k.sealed()
	if err != nil {
		return err
	}
	done, cancel := context.WithCancel(k.ctx)
	cancel()
	got, err := ks.Seal(done, sample(32))
	if err := isOneOf(got != nil, err, context.Canceled); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	got, err = ks.Unseal(done, blob)
	if err := isOneOf(got != nil, err, context.Canceled); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	if rev, ok := protect.RevokerOf(ks); ok {
		if err := isOneOf(false, rev.Advance(done, 1), context.Canceled); err != nil {
			return fmt.Errorf("advance: %w", err)
		}
	}
	return k.opens(ks, blob)
}

func checkClosed(k *kit) error {
	ks, blob, err := k.sealed()
	if err != nil {
		return err
	}
	for i := range 2 {
		if err := ks.Close(); err != nil {
			return fmt.Errorf("close number %d: %w", i+1, err)
		}
	}
	if err := k.refused(ks, blob, fs.ErrClosed); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	got, err := ks.Seal(k.ctx, sample(32))
	if err := isOneOf(got != nil, err, fs.ErrClosed); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

func checkInfo(k *kit) error {
	ks := k.open()
	info := ks.Info()
	switch {
	case info.Name == "" || info.BoundTo == "":
		return errors.New("no Name or no BoundTo")
	case info.MaxSecret < 32:
		return fmt.Errorf("MaxSecret is %d, want at least 32", info.MaxSecret)
	case k.reopen(ks).Info() != info || k.h.Other(k.TB).Info() != info:
		return errors.New("it differs after a restart, or on another device of the kind")
	}
	var has Abilities
	_, has.SigningKeys = protect.SigningKeysOf(ks)
	_, has.Counter = protect.CounterOf(ks)
	_, has.Revoker = protect.RevokerOf(ks)
	_, has.Attester = protect.AttesterOf(ks)
	_, has.Measurer = protect.MeasurerOf(ks)
	if has != k.h.Abilities {
		return fmt.Errorf("declared abilities %+v, there are %+v", k.h.Abilities, has)
	}
	if has.Revoker != (info.Advance != protect.ReachNone) {
		return fmt.Errorf("a Revoker: %v, yet Advance reaches %v", has.Revoker, info.Advance)
	}
	return nil
}
