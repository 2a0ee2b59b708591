package protect

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// reserve keeps space for both tables, as large as they are or may become. A medium
// too full for it is no reason not to open: see [Vault.Health].
func (v *Vault) reserve(ctx context.Context) {
	size := tableSize(max(v.opts.MaxCompartments, len(v.live.entries)))
	for gen := range uint64(2) {
		if durable.Reserve(ctx, v.medium(), v.hdr.tableName(gen), size) != nil {
			v.stats.reservesMissing.Add(1)
		}
	}
	if v.opts.Escrow != nil && durable.Reserve(ctx, v.medium(), recoveryName, reservedRecovery) != nil {
		v.stats.reservesMissing.Add(1)
	}
}

// reservedRecovery is what a recovery usually takes; without room there is none.
const reservedRecovery = 4 << 10

// sweepNow is how many bytes of an erased compartment are removed at once: a medium takes
// its time to free more, for which nobody has to wait who wants a key destroyed.
const sweepNow = 4 << 20

// sweep gives back the space of compartments that are in no table any more. What it
// leaves cannot be read; Run goes on, or tidy or the next Open tries again. Settled,
// under v.mu or before the vault is shared.
func (v *Vault) sweep(ctx context.Context) {
	if v.closed {
		return // and owns nothing
	}
	owned, lost, err := v.lost(ctx)
	left := int64(0)
	if err != nil {
		left++
	}
	for _, dir := range lost {
		if v.later(ctx, dir) || durable.RemoveAll(ctx, v.medium(), dir) != nil {
			left++
		}
	}
	for _, table := range v.formerTables(ctx) {
		if durable.RemoveAll(ctx, v.medium(), table) != nil {
			left++
		}
	}
	for _, entry := range v.indexed(ctx) {
		if of, _, _ := strings.Cut(entry, "."); !owned[of] && durable.RemoveAll(ctx, v.medium(), indexTop+entry) != nil {
			left++
		}
	}
	v.stats.filesLeft.Store(left)
}

// lost returns the directories of compartments that are in no table. Under v.mu.
func (v *Vault) lost(ctx context.Context) (owned map[string]bool, lost []string, err error) {
	dirs, err := v.directories(ctx)
	owned = map[string]bool{}
	for _, e := range v.live.entries {
		owned[e.id.String()] = true
	}
	owned[v.copying.String()] = true
	for _, dir := range dirs {
		if !owned[dir] {
			lost = append(lost, top+dir)
		}
	}
	return owned, lost, err
}

// later reports whether a directory is large and Run is there to remove it, which is told.
func (v *Vault) later(ctx context.Context, dir string) bool {
	if !v.running.Load() {
		return false
	}
	if n, err := v.dir.Usage(ctx, dir+"/"); err != nil || n <= sweepNow {
		return false
	}
	select {
	case v.wake <- struct{}{}:
	default: // it is awake
	}
	return true
}

// sweepAside removes what is large, while the vault is in use. The id of a compartment
// never comes again.
func (v *Vault) sweepAside(ctx context.Context) {
	v.mu.RLock()
	_, lost, err := v.lost(ctx)
	s := v.medium()
	closed := v.closed
	v.mu.RUnlock()
	if err != nil || closed {
		return // it counts as left
	}
	for _, dir := range lost {
		_ = durable.RemoveAll(ctx, s, dir) // likewise
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.sweep(ctx)
	}
}

// indexed returns the names below that of the indexes.
func (v *Vault) indexed(ctx context.Context) []string {
	if v.count == nil {
		return nil
	}
	entries, err := durable.Entries(ctx, v.medium(), strings.TrimSuffix(indexTop, "/"))
	if err != nil {
		return nil // they cannot be read, and the next time finds them
	}
	return entries
}

// formerTables returns the tables of key stores from which the vault was moved.
func (v *Vault) formerTables(ctx context.Context) (tables []string) {
	if v.hdr.From == "" {
		return nil
	}
	entries, err := durable.Entries(ctx, v.medium(), strings.TrimSuffix(top, "/"))
	if err != nil {
		return nil // they do not open, and the next time finds them
	}
	for _, entry := range entries {
		name := top + entry
		if strings.HasPrefix(entry, tableTop) && name != v.hdr.tableName(0) && name != v.hdr.tableName(1) {
			tables = append(tables, name)
		}
	}
	return tables
}

// tidy sweeps again if something was left: the files of a log that was open, which
// meanwhile may be closed.
func (v *Vault) tidy(ctx context.Context) {
	if v.stats.filesLeft.Load() > 0 {
		v.sweep(ctx)
	}
}

// directories returns those of compartments, whatever is in them: values, or only
// logs or reserves.
func (v *Vault) directories(ctx context.Context) ([]string, error) {
	entries, err := durable.Entries(ctx, v.medium(), strings.TrimSuffix(top, "/"))
	var dirs []string
	for _, entry := range entries {
		if raw, herr := hex.DecodeString(entry); herr == nil && len(raw) == idSize {
			dirs = append(dirs, entry)
		}
	}
	return dirs, err
}
