package openpgp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	pgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Tags of packets (RFC 9580, 5).
const (
	tagSignature     = 2
	tagPrivate       = 5
	tagPublic        = 6
	tagPrivateSubkey = 7
	tagMarker        = 10
)

const armorBegin = "-----BEGIN PGP "

// dearmor returns the packets in data: those of all armored blocks, which are of
// type kind, or data as it is.
func dearmor(data []byte, kind string, most int) ([]byte, error) {
	if len(data) > most {
		return nil, fmt.Errorf("more than %d bytes", most)
	}
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(armorBegin)) {
		return data, nil
	}
	var out []byte
	for in := bufio.NewReader(bytes.NewReader(data)); ; {
		block, err := armor.Decode(in)
		if errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("armor: %v", err)
		}
		if block.Type != kind {
			return nil, fmt.Errorf("an armored block that is not a %s", kind)
		}
		body, err := io.ReadAll(io.LimitReader(block.Body, int64(most)))
		if err != nil {
			return nil, fmt.Errorf("armor: %v", err)
		}
		out = append(out, body...)
	}
}

// split returns the packets in data one by one. It knows nothing of what is in them,
// so that none is skipped because it is not understood.
func split(data []byte, most int) ([]*packet.OpaquePacket, error) {
	var list []*packet.OpaquePacket
	for in := packet.NewOpaqueReader(bytes.NewReader(data)); ; {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if list = append(list, p); len(list) > most {
			return nil, fmt.Errorf("more than %d packets", most)
		}
	}
}

// signature is one of the signatures over a document.
type signature struct {
	packet  []byte
	created time.Time
}

// signatures reads 1 to most detached signatures and nothing else.
func signatures(data []byte, most int) ([]signature, error) {
	raw, err := dearmor(data, pgp.SignatureType, MaxSignature)
	if err != nil {
		return nil, err
	}
	packets, err := split(raw, most)
	if err != nil {
		return nil, err
	}
	if len(packets) == 0 {
		return nil, errors.New("no signature")
	}
	var list []signature
	for _, p := range packets {
		one, err := readSignature(p)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// readSignature takes a signature over bytes. One over text holds for every way to
// end its lines, and so for several documents.
func readSignature(p *packet.OpaquePacket) (signature, error) {
	if p.Tag != tagSignature {
		return signature{}, fmt.Errorf("packet of type %d, want a signature", p.Tag)
	}
	parsed, err := p.Parse()
	if err != nil {
		return signature{}, err
	}
	sig, ok := parsed.(*packet.Signature)
	if !ok || sig.SigType != packet.SigTypeBinary {
		return signature{}, errors.New("not a signature over a binary document")
	}
	var b bytes.Buffer
	if err := p.Serialize(&b); err != nil {
		return signature{}, err
	}
	return signature{b.Bytes(), sig.CreationTime}, nil
}

// publicPackets reads a keyring that has no private key in it: such a key does not
// belong where only signatures are verified.
func publicPackets(keyring []byte) ([]byte, error) {
	raw, err := dearmor(keyring, pgp.PublicKeyType, MaxKeyring)
	if err != nil {
		return nil, err
	}
	packets, err := split(raw, MaxKeyring/16)
	if err != nil {
		return nil, err
	}
	private := func(p *packet.OpaquePacket) bool { return p.Tag == tagPrivate || p.Tag == tagPrivateSubkey }
	if slices.ContainsFunc(packets, private) {
		return nil, errors.New("there is a private key in it")
	}
	public := 0
	for _, p := range packets {
		if p.Tag == tagPublic {
			public++
		}
	}
	ring, err := pgp.ReadKeyRing(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if len(ring) != public || public == 0 || public > MaxKeys {
		return nil, fmt.Errorf("%d of %d keys can be read, want 1 to %d and all", len(ring), public, MaxKeys)
	}
	return raw, nil
}

// checkKeyring returns the fingerprints of keys that may all sign, and when the last of
// them was revoked.
func checkKeyring(packets []byte) (ids []string, known time.Time, err error) {
	ring, err := pgp.ReadKeyRing(bytes.NewReader(packets))
	if err != nil {
		return nil, known, err
	}
	seen := map[uint64]bool{}
	for _, e := range ring {
		id := fingerprint(e.PrimaryKey)
		if err := checkEntity(e, seen); err != nil {
			return nil, known, fmt.Errorf("key %s: %v", id, err)
		}
		ids = append(ids, id)
		if t := lastRevocation(e); t.After(known) {
			known = t
		}
	}
	return ids, known, nil
}

// lastRevocation returns when a key of e was revoked last, or the zero time. Only what the
// primary key signed counts: anybody can put more beside it.
func lastRevocation(e *pgp.Entity) (last time.Time) {
	note := func(list []*packet.VerifiableSignature, verify func(*packet.Signature) error) {
		for _, r := range list {
			if t := r.Packet.CreationTime; t.After(last) && verify(r.Packet) == nil {
				last = t
			}
		}
	}
	note(e.Revocations, e.PrimaryKey.VerifyRevocationSignature)
	for _, sub := range e.Subkeys {
		note(sub.Revocations, func(r *packet.Signature) error {
			return e.PrimaryKey.VerifySubkeyRevocationSignature(r, sub.PublicKey)
		})
	}
	return last
}

// checkEntity looks at every key by which e may sign. The library finds keys by their
// short id and takes the first.
func checkEntity(e *pgp.Entity, seen map[uint64]bool) error {
	keys := []*packet.PublicKey{e.PrimaryKey}
	for _, sub := range e.Subkeys {
		if sub.PublicKey.PubKeyAlgo.CanSign() {
			keys = append(keys, sub.PublicKey)
		}
	}
	for _, k := range keys {
		if seen[k.KeyId] {
			return errors.New("is there twice")
		}
		seen[k.KeyId] = true
		if err := checkAlgorithm(k); err != nil {
			return err
		}
	}
	return nil
}
