package protect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/iot-device-baseline/baseline/durable"
)

// Recovery is what a device that lost its key store shows to whoever can open what
// Options.Escrow sealed. It holds no secrets. Package protect/recovery makes a request of
// it, and checks the answer.
type Recovery struct {
	Vault      string   // 32 hex digits
	KeyStore   string   // that is recorded, and lost
	Generation uint64   // of the key table when it was sealed
	State      [32]byte // SHA-256 over the values and streams that would come back, as they are on the medium; logs are not in it
	Info       []byte   // as Options.Escrow got it
	Sealed     []byte   // as it gave it back
}

// ReadRecovery reads it from a directory whose vault does not open. It does I/O and asks
// no key store. A vault that has none gives an error that is [ErrMissing].
func ReadRecovery(ctx context.Context, dir *durable.Dir) (*Recovery, error) {
	r, _, _, err := readRecovery(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("protect: recovery: %w", err)
	}
	return r, nil
}

func readRecovery(ctx context.Context, dir *durable.Dir) (*Recovery, header, *parsedRecovery, error) {
	hdr, err := loadHeader(ctx, dir)
	var raw []byte
	if err == nil {
		raw, err = dir.Get(ctx, recoveryName)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = vaultError("recovery", actReprovision, fmt.Errorf("there is none: %w", ErrMissing))
	}
	if err != nil {
		return nil, hdr, nil, err
	}
	p, err := parseRecovery(raw)
	if err != nil {
		return nil, hdr, nil, vaultError("recovery", actReprovision, err)
	}
	r := &Recovery{Vault: hdr.ID, KeyStore: hdr.KeyStore, Generation: p.gen, Info: hdr.recoveryInfo(p.head), Sealed: p.sealed}
	sum := sha256.New()
	for _, of := range p.ids {
		if err := digestCompartment(ctx, dir, of, sum); err != nil {
			return nil, hdr, nil, err
		}
	}
	copy(r.State[:], sum.Sum(nil))
	return r, hdr, p, nil
}

// digestCompartment adds a compartment's values and streams to h. A value that does not
// read counts as empty: it will not come back either.
func digestCompartment(ctx context.Context, dir *durable.Dir, of id, h hash.Hash) error {
	values, err := dir.List(ctx, of.path(""))
	if err != nil {
		return err
	}
	for _, name := range values {
		raw, err := dir.Get(ctx, name)
		if err != nil && !errors.Is(err, durable.ErrCorrupt) {
			return err
		}
		digestHead(h, name, int64(len(raw)))
		_, _ = h.Write(raw) // a hash never fails
	}
	streams, err := dir.Files(ctx, of.path(""))
	if err != nil {
		return err
	}
	for _, name := range streams {
		file, err := dir.OpenFile(ctx, name)
		if err != nil {
			return err
		}
		digestHead(h, name, file.Size())
		_, err = io.Copy(h, io.NewSectionReader(file, 0, file.Size()))
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// digestHead adds length of the name, name, and length of what follows.
func digestHead(h hash.Hash, name string, size int64) {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	_, _ = h.Write(binary.BigEndian.AppendUint64(append(head, name...), uint64(size)))
}

// Recover makes the vault in dir anew over keys, with what a recovery covers: settings,
// identity and security parameters. It is for a device whose key store was cleared or
// replaced ([ErrLost]). secret is what Options.Escrow was given, opened by whoever can,
// and r what he was shown: if the medium has changed since, that is [ErrForeign]. What was
// not covered, of persons, logs, application and floor, is gone for good.
//
// Somebody must be present: Options.Presence is asked in every case, and nil gives an
// error that is [fs.ErrInvalid]. Who else must agree is checked before: see package
// protect/recovery. A vault that opens gives an error that is [fs.ErrExist].
//
// What comes back is authentic, and of unknown age: [Report].Recovered counts that, for
// good. It is encrypted anew, as by [Vault.Renew], since the keys have been elsewhere; what
// that could not do is an error, and the vault opens. A power cut leaves a vault that is
// lost as before, or one that is recovered.
func Recover(ctx context.Context, dir *durable.Dir, keys KeyStore, opts *Options, r *Recovery, secret []byte) (*Vault, error) {
	v, err := newVault(dir, keys, opts)
	if err == nil {
		err = v.recover(ctx, r, secret)
	}
	if err == nil {
		v.reserve(ctx)
		v.sweep(ctx)
		err = v.renew(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: recover: %w", err)
	}
	return v, nil
}

func (v *Vault) recover(ctx context.Context, r *Recovery, secret []byte) error {
	entries, err := v.mayRecover(ctx, r, secret)
	if err == nil {
		err = v.prove(ctx)
	}
	if err != nil {
		return err
	}
	next, err := v.recovered(ctx, entries)
	if err != nil {
		return err
	}
	v.recovering = true
	err = v.beginOver(ctx, next)
	v.recovering = false
	if err != nil {
		return err
	}
	v.loadEscrow(ctx)
	return v.dropStale(ctx)
}

// mayRecover says why there is nothing to recover, or not by this.
func (v *Vault) mayRecover(ctx context.Context, r *Recovery, secret []byte) ([]entry, error) {
	if v.opts.Presence == nil || r == nil {
		return nil, fmt.Errorf("nobody can be present, or no recovery: %w", fs.ErrInvalid)
	}
	if h := v.dir.Held(); h != nil {
		return nil, fmt.Errorf("%w: %s", durable.ErrHeld, h.Reason())
	}
	switch _, err := v.read(ctx); {
	case err == nil:
		return nil, fmt.Errorf("the vault opens: %w", fs.ErrExist)
	case !isLost(err):
		return nil, err
	}
	now, hdr, parsed, err := readRecovery(ctx, v.dir)
	if err != nil {
		return nil, err
	}
	if now.Vault != r.Vault || now.Generation != r.Generation || now.State != r.State {
		return nil, vaultError("recovery", actRetry, fmt.Errorf("the medium is not what it was when it was asked for: %w", ErrForeign))
	}
	if hdr.Hardware && !v.info.Hardware {
		return nil, hdr.matches(v.info)
	}
	v.hdr = hdr
	return parsed.entries(secret)
}

// recovered returns the first table of the vault over its new key store.
func (v *Vault) recovered(ctx context.Context, entries []entry) (*table, error) {
	first, err := v.firstTable(ctx)
	if err != nil {
		return nil, err
	}
	if v.rev == nil { // what is newest counts
		for i := range uint64(2) {
			if _, sealed, err := v.tableAt(ctx, v.hdr, i); err == nil {
				first.gen = max(first.gen, sealed.gen+1)
			}
		}
	}
	v.hdr.KeyStore, v.hdr.Hardware = v.info.Name, v.info.Hardware
	v.hdr.Recovered++
	for _, class := range Classes() {
		if !class.covered() && class != ClassUserData {
			entries = append(entries, entry{id: newID(), class: class, state: stateLive, key: newKey()})
		}
	}
	for i := range entries {
		entries[i].made = first.gen
	}
	return first.with(first.gen, entries...), nil
}

// IsRecoveryInfo reports whether info is that of a recovery of this vault and generation. It
// is for whoever opened what is sealed, which has authenticated info.
func IsRecoveryInfo(info []byte, vault string, generation uint64) bool {
	at := len(labelRecovery) + idSize // of the head
	raw, err := hex.DecodeString(vault)
	if err != nil || len(info) < at+recoveryHead || !bytes.HasPrefix(info, append([]byte(labelRecovery), raw...)) {
		return false
	}
	return binary.BigEndian.Uint64(info[at+4:]) == generation
}
