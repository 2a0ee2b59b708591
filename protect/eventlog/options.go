package eventlog

import (
	"context"
	"crypto"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// LevelAudit is the level of records that are on the medium before Handle returns.
const LevelAudit = access.LevelAudit

// Full says what becomes of new records when the log has its size.
type Full uint8

// The policies.
const (
	Overwrite Full = iota // the oldest segment goes, and what was lost is counted in the log itself
	Stop                  // new records are refused, but for those of [LevelAudit] and failed logins
)

// String returns "overwrite" or "stop".
func (f Full) String() string {
	if f == Stop {
		return "stop"
	}
	return "overwrite"
}

// Options are the options of [Open]. Nil options mean the defaults.
type Options struct {
	// Name is that of the log in its Store; default "eventlog".
	Name string
	// Origin names the log in checkpoints: of which device it is. 1 to 64 bytes of
	// [a-zA-Z0-9._/-]; default "eventlog". It never changes during the log's life.
	Origin string
	// Device is the device's own key, Ed25519 or ECDSA: it certifies the log's key, with one
	// signature in the life of both, so that exports verify by the device's key
	// ([VerifyDeviceExport]). Nil: whoever verifies gets the log's key in another way.
	Device crypto.Signer
	// Now tells the time and its quality, in a device [durable.Clock.Now]. With nil
	// the time of the record counts, as a lower bound.
	Now func() (time.Time, durable.Quality)
	// Keys are the vendor's own keys of attributes. One of the vocabulary of package
	// access cannot be given another class.
	Keys []access.KeyInfo
	// Full is the policy; MaxSize, in bytes, is when it begins: 64 KiB to 64 MiB,
	// default 4 MiB. Overwrite drops a segment at a time: a sixteenth of it, at least 16 KiB.
	Full    Full
	MaxSize int
	// Reserve is the space kept for records of [LevelAudit] on a full medium: default
	// 128 KiB, 256 records of usual size; negative: none.
	Reserve int
	// CheckpointEvery is the number of records after which one is signed: default 256.
	CheckpointEvery int
	// Anchor keeps a checkpoint where a log that is cut, removed or put back is noticed
	// at the next Open: in a device the vault's floor compartment. It is written with the
	// first record, and after records of [LevelAudit] and checkpoints in the log, but
	// then at most every 10 s, and by Checkpoint, Close and before old records go. Nil:
	// nobody but who holds a checkpoint notices.
	Anchor durable.Store
	// Pseudonym gives the name under which a person leaves the device, in a device
	// [access.Pseudonyms.Of]. An error that is [fs.ErrNotExist] leaves the person
	// out, as nil does with all.
	Pseudonym func(ctx context.Context, subject string) (string, error)
}

const (
	buffer  = 128 << 10 // takes maxWaiting records of usual size, so that they need one write
	minSize = 64 << 10
	maxSize = 64 << 20
)

func (o *Options) orDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	setDefault(&out.Name, "eventlog")
	setDefault(&out.Origin, "eventlog")
	setDefault(&out.MaxSize, 4<<20)
	setDefault(&out.Reserve, 128<<10)
	setDefault(&out.CheckpointEvery, 256)
	switch {
	case !validOrigin(out.Origin):
		return out, invalid("origin: want 1 to 64 bytes of [a-zA-Z0-9._/-]")
	case out.MaxSize < minSize || out.MaxSize > maxSize:
		return out, invalid(fmt.Sprintf("size of %d bytes, want %d to %d", out.MaxSize, minSize, maxSize))
	case out.Full > Stop:
		return out, invalid("unknown policy")
	case out.CheckpointEvery < 1:
		return out, invalid("negative number")
	}
	return out, nil
}

func setDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

func invalid(rule string) error { return fmt.Errorf("%s: %w", rule, fs.ErrInvalid) }

func validOrigin(s string) bool {
	if s == "" || len(s) > access.MaxID {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-") == ""
}

// segment is the size of a segment of the durable log.
func (o *Options) segment() int { return min(max(o.MaxSize/16, 2*maxLine), 256<<10) }

func (o *Options) logOptions() *durable.LogOptions {
	return &durable.LogOptions{SegmentSize: o.segment(), Reserve: max(o.Reserve, 0), Buffer: buffer}
}

// Settings are what the owner may set. The vendor's settings type embeds it, and an
// applier of config calls [Log.Configure]; the Log does not keep it. The zero
// Settings keeps records from [slog.LevelInfo] on.
type Settings struct {
	// Off keeps nothing below [LevelAudit]: records of that level cannot be switched off.
	Off bool `json:"off,omitempty"`
	// Level is the least that is kept: slog's numbers, at most [LevelAudit].
	Level slog.Level `json:"level,omitempty"`
}

func (s Settings) least() slog.Level {
	if s.Off {
		return LevelAudit
	}
	return s.Level
}
