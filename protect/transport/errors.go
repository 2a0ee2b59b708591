package transport

import (
	"errors"
	"fmt"
)

// Why a peer is refused. The handshake returns an error that is one of them at the end
// that refused; the other end gets an alert only.
var (
	// ErrExpired: the certificate, or its issuer's, is not valid at this time.
	ErrExpired = errors.New("certificate outside its validity")
	// ErrIssuer: it leads to no issuer that this device trusts, or is not for this use.
	ErrIssuer = errors.New("certificate of no trusted issuer")
	// ErrName: it has none of the names that are expected here.
	ErrName = errors.New("certificate for another name")
	// ErrPin: its key is none of those that are pinned.
	ErrPin = errors.New("certificate of a key that is not pinned")
)

func refuse(cause error, detail string) error {
	return fmt.Errorf("transport: peer refused: %w: %s", cause, detail)
}
