package baselinetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"
)

// erasedSubject: ERA-01, with the refusals of ERA-03.
func erasedSubject(ctx context.Context, x *trial) error {
	d, err := x.commissioned(ctx)
	if err != nil {
		return err
	}
	u := x.h.Users
	first, second := "canary-"+rand.Text(), "canary-"+rand.Text()
	if err := x.keep(ctx, d, first, second); err != nil {
		return err
	}
	if err := x.mayNotErase(ctx, d, first, second); err != nil {
		return err
	}
	owner, err := x.as(ctx, d, Owner)
	if err != nil {
		return err
	}
	method, err := d.Parts.Eraser.Erase(owner, u.First)
	if err != nil || method == "" {
		return unclearf("the owner erases %s: method %q: %w", u.First, method, err)
	}
	x.stepf("erased by the owner: %s", method)
	if err := x.gone(ctx, d, first, second); err != nil {
		return err
	}
	if d, err = x.again(ctx, d); err != nil {
		return err
	}
	return x.gone(ctx, d, first, second)
}

// keep keeps the canaries and wants the media to know.
func (x *trial) keep(ctx context.Context, d *Device, first, second string) error {
	u := x.h.Users
	before, err := scan(u.Media(d))
	if err != nil {
		return err
	}
	if err := u.Keep(ctx, d, u.First, first); err != nil {
		return unclear("keep a person's data", err)
	}
	after, err := scan(u.Media(d))
	if err != nil {
		return err
	}
	if before.digest == after.digest {
		return unclearf("keeping a person's data changes nothing on the media: are these all?")
	}
	x.stepf("a person's data is on the media, %d bytes in all", after.bytes)
	if err := u.Keep(ctx, d, u.Second, second); err != nil {
		return unclear("keep a person's data", err)
	}
	return x.finds(ctx, d, first, second)
}

// finds wants both persons' data to be there.
func (x *trial) finds(ctx context.Context, d *Device, first, second string) error {
	u := x.h.Users
	for subject, want := range map[string]string{u.First: first, u.Second: second} {
		if got, err := u.Find(ctx, d, subject); err != nil || got != want {
			return unclearf("the data of %s is not found: %w", subject, err)
		}
	}
	return nil
}

// mayNotErase has the refused try: nobody, and one person the other's.
func (x *trial) mayNotErase(ctx context.Context, d *Device, first, second string) error {
	u := x.h.Users
	for _, try := range []struct {
		actor   Actor
		subject string
	}{{Nobody, u.First}, {Nobody, u.Second}, {Viewer, u.Second}} {
		who, err := x.as(ctx, d, try.actor)
		if err != nil {
			return err
		}
		_, refusal := d.Parts.Eraser.Erase(who, try.subject)
		if err := x.refused(fmt.Sprintf("erasing %s by %s", try.subject, try.actor), refusal, denied); err != nil {
			return err
		}
	}
	if err := x.finds(ctx, d, first, second); err != nil {
		return fmt.Errorf("after refused erasures: %s", err) // decided: something was erased
	}
	return nil
}

// gone wants the first person's data to be nowhere, and the other's to be intact.
func (x *trial) gone(ctx context.Context, d *Device, first, second string) error {
	u := x.h.Users
	got, err := u.Find(ctx, d, u.First)
	if err != nil {
		return unclear("look for the erased data", err)
	}
	if got != "" {
		return fmt.Errorf("the data of %s can be read after its erasure", u.First)
	}
	if got, err = u.Find(ctx, d, u.Second); err != nil || got != second {
		return fmt.Errorf("the data of %s is damaged by the erasure of %s: %v", u.Second, u.First, err)
	}
	m, err := scan(u.Media(d), first)
	if err != nil {
		return err
	}
	if len(m.found) > 0 {
		return fmt.Errorf("the erased data is on the media: %s", strings.Join(m.found, ", "))
	}
	x.stepf("gone from the device and from %d bytes of media; the other person's is intact", m.bytes)
	return nil
}

// media is what was found by reading all files.
type media struct {
	digest [sha256.Size]byte
	bytes  int64
	found  []string // where the canary is
}

// scan reads every name and every byte. It holds one file in memory at a time.
func scan(all []fs.FS, canaries ...string) (media, error) {
	var m media
	h := sha256.New()
	for _, medium := range all {
		err := fs.WalkDir(medium, ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !e.Type().IsRegular() {
				return err
			}
			data, err := fs.ReadFile(medium, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%q %d ", name, len(data))
			h.Write(data)
			m.bytes += int64(len(data))
			for _, c := range canaries {
				if strings.Contains(name, c) || bytes.Contains(data, []byte(c)) {
					m.found = append(m.found, name)
				}
			}
			return nil
		})
		if err != nil {
			return m, unclear("read the media", err)
		}
	}
	h.Sum(m.digest[:0])
	return m, nil
}
