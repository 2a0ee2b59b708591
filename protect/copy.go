package protect

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// copyAll copies values, streams and logs, all of them or none counts.
func copyAll(ctx context.Context, src, dst *Compartment) error {
	_, done, err := src.prepare(ctx) // from here on its index says all
	if err != nil {
		return err
	}
	done()
	copied := map[string]bool{} // files of src
	if err := copyValues(ctx, src, dst, copied); err != nil {
		return err
	}
	if err := copyStreams(ctx, src, dst, copied); err != nil {
		return err
	}
	if err := copyLogs(ctx, src, dst); err != nil {
		return err
	}
	if n := src.c.known.unreadable(); n > 0 {
		return fmt.Errorf("%d values or streams cannot be read: %w", n, ErrTampered)
	}
	if src.c.index != nil && src.c.index.lacks(copied) {
		return fmt.Errorf("a value or stream is missing: %w", ErrTampered)
	}
	return nil
}

func copyValues(ctx context.Context, src, dst *Compartment, copied map[string]bool) error {
	copied[src.c.macs.mac(kindObject, logsName)] = true // with the logs
	names, err := src.List(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		value, err := src.Get(ctx, name)
		if err != nil {
			return err
		}
		err = dst.Put(ctx, name, value)
		clear(value)
		if err != nil {
			return err
		}
		copied[src.c.macs.mac(kindObject, name)] = true
	}
	return nil
}

func copyStreams(ctx context.Context, src, dst *Compartment, copied map[string]bool) error {
	names, err := src.Streams(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyStream(ctx, src, dst, name); err != nil {
			return err
		}
		copied[src.c.macs.mac(kindStream, name)] = true
	}
	return nil
}

func copyStream(ctx context.Context, src, dst *Compartment, name string) error {
	r, err := src.OpenStream(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := dst.CreateStream(ctx, name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Close()
}

func copyLogs(ctx context.Context, src, dst *Compartment) error {
	names, err := src.notedLogs(ctx)
	if err != nil {
		return err
	}
	there, err := src.logFiles(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if mac := src.c.macs.mac(kindLog, name); there[mac] {
			if err := copyLog(ctx, src, dst, name); err != nil {
				return err
			}
			delete(there, mac)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%d logs whose names are not known; open them once: %w", len(there), ErrUnavailable)
	}
	if len(names) == 0 {
		return nil
	}
	return dst.noteLogs(ctx, names)
}

func copyLog(ctx context.Context, src, dst *Compartment, name string) error {
	l, err := src.OpenLog(ctx, name, nil)
	if err != nil {
		return err
	}
	err = l.CopyTo(ctx, dst.c.path(kindLog, name), newCodec(dst, name))
	return errors.Join(err, l.Close())
}

// lacks reports whether the index has something that is not among files.
func (x *index) lacks(files map[string]bool) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for file := range x.versions {
		if !files[file] && x.gone[file] == 0 {
			return true
		}
	}
	return false
}
