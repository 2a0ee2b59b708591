package erase

import (
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// MethodUnlink is the method of [Files]: the names are gone, the bytes may stay on
// the medium until it uses them again.
const MethodUnlink = "unlink: copies in flash may remain"

// Files is a [Store] for values that a device keeps for its users outside of a vault:
// those of a subject are in a store of their own ([Files.Of]), below a prefix. What it
// erases is only removed: whoever reads the medium may find it. Keep what matters in
// a compartment of a vault. It may be used concurrently.
type Files struct {
	name   string
	store  durable.Store
	prefix string
	auth   access.Authorizer

	mu   sync.RWMutex     // held for reading through every write of a subject's store
	gone map[string]*bool // of the stores that are out, by subject: erased since
}

var (
	_ Store     = (*Files)(nil)
	_ Everybody = (*Files)(nil)
)

// NewFiles returns the Store called name for what lies below prefix in store, which
// is nobody else's. What breaks a rule is [fs.ErrInvalid].
func NewFiles(name string, store durable.Store, prefix string, auth access.Authorizer) (*Files, error) {
	f := &Files{name: name, store: store, prefix: prefix, auth: auth, gone: map[string]*bool{}}
	if store == nil || !validName(name) || durable.ValidName(prefix) != nil || len(prefix) > durable.MaxName/4 {
		return nil, fmt.Errorf("erase: files: want a name, a store, and a prefix of at most %d bytes: %w", durable.MaxName/4, fs.ErrInvalid)
	}
	return f, nil
}

// Name implements [Store].
func (f *Files) Name() string { return f.name }

// Of returns the store for one subject's values. It asks for no permission: who uses
// it does. Names are at most 20 bytes. After an erasure of the subject, or of all, it
// refuses to write ([ErrErased]), so that what was begun before brings nothing back;
// ask for another. A log that was opened in it is to be closed before.
func (f *Files) Of(subject string) (durable.Store, error) {
	if !ValidSubject(subject) {
		return nil, fmt.Errorf("erase: files: %s: %w", ruleSubject, fs.ErrInvalid)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone[subject] == nil {
		f.gone[subject] = new(bool)
	}
	return &subjectFiles{durable.Sub(f.store, f.dir(subject)), f, f.gone[subject]}, nil
}

// dir names a subject by hex: ids have letters that names of values have not.
func (f *Files) dir(subject string) string {
	return f.prefix + "/" + hex.EncodeToString([]byte(subject))
}

// Erase implements [Store]: it removes the values, logs and reserves of subject.
//
// Permission: [access.EraseSubject] on the subject.
func (f *Files) Erase(ctx context.Context, subject string) (method string, err error) {
	if err := f.check(ctx, subject); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if gone := f.gone[subject]; gone != nil {
		*gone = true
		delete(f.gone, subject)
	}
	return f.remove(ctx, f.dir(subject))
}

func (f *Files) remove(ctx context.Context, dir string) (string, error) {
	if err := durable.RemoveAll(ctx, f.store, dir); err != nil {
		return "", fmt.Errorf("erase: files: %w", err)
	}
	return MethodUnlink, nil
}

func (f *Files) check(ctx context.Context, subject string) error {
	if !ValidSubject(subject) {
		return fmt.Errorf("erase: files: %s: %w", ruleSubject, fs.ErrInvalid)
	}
	_, err := access.Check(ctx, f.auth, access.EraseSubject, subject)
	return err
}

// Verify implements [Store].
//
// Permission: [access.EraseSubject] on the subject.
func (f *Files) Verify(ctx context.Context, subject string) error {
	if err := f.check(ctx, subject); err != nil {
		return err
	}
	return f.verify(ctx, f.dir(subject))
}

func (f *Files) verify(ctx context.Context, dir string) error {
	left, err := durable.Entries(ctx, f.store, dir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d entries are there: %w", len(left), fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("erase: files: verify: %w", err)
	}
	return nil
}

// EraseAll implements [Everybody].
//
// Permission: [access.EraseAll].
func (f *Files) EraseAll(ctx context.Context) (method string, err error) {
	if _, err := access.Check(ctx, f.auth, access.EraseAll, ""); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, gone := range f.gone {
		*gone = true
	}
	clear(f.gone)
	return f.remove(ctx, f.prefix)
}

// VerifyAll implements [Everybody].
//
// Permission: [access.EraseAll].
func (f *Files) VerifyAll(ctx context.Context) error {
	if _, err := access.Check(ctx, f.auth, access.EraseAll, ""); err != nil {
		return err
	}
	return f.verify(ctx, f.prefix)
}
