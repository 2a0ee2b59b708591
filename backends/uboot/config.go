package uboot

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
)

// Config says where the two copies of the environment lie, as fw_env.config and the
// boot loader's own configuration do. All three must agree.
type Config struct {
	Primary   Location
	Redundant Location
	// Size is that of each copy in bytes, CONFIG_ENV_SIZE: a multiple of 512, at most
	// MaxSize.
	Size int
	// Slots are the names of the two slots: 1 to 16 bytes of [A-Za-z0-9]; default
	// "a" and "b".
	Slots []string
}

// Location is the place of one copy.
type Location struct {
	File   string // in the durable.FS: a file, or a block device
	Offset int64  // a multiple of 512
}

// The limits.
const (
	MaxSize  = 1 << 20 // bytes of a copy
	MaxTries = 15      // of Try: one digit, as setexpr of U-Boot counts

	sector    = 512 // what a medium writes as a whole, at least
	maxSlots  = 2
	maxOffset = 1 << 40
)

var slotName = regexp.MustCompile(`^[A-Za-z0-9]{1,16}$`)

// checked returns c with its defaults, or what is wrong with it.
func (c Config) checked() (Config, error) {
	if c.Slots == nil {
		c.Slots = []string{"a", "b"}
	}
	c.Slots = slices.Clone(c.Slots)
	if c.Size < sector || c.Size > MaxSize || c.Size%sector != 0 {
		return c, fmt.Errorf("size %d, want a multiple of %d up to %d: %w", c.Size, sector, MaxSize, fs.ErrInvalid)
	}
	for _, l := range c.locations() {
		if !fs.ValidPath(l.File) || l.File == "." {
			return c, fmt.Errorf("file %q: %w", l.File, fs.ErrInvalid)
		}
		if l.Offset < 0 || l.Offset > maxOffset || l.Offset%sector != 0 {
			return c, fmt.Errorf("offset %d in %s, want a multiple of %d: %w", l.Offset, l.File, sector, fs.ErrInvalid)
		}
	}
	if d := c.Primary.Offset - c.Redundant.Offset; c.Primary.File == c.Redundant.File && d < int64(c.Size) && -d < int64(c.Size) {
		return c, fmt.Errorf("the copies overlap, so one power cut could take both: %w", fs.ErrInvalid)
	}
	if len(c.Slots) != maxSlots || c.Slots[0] == c.Slots[1] {
		return c, fmt.Errorf("slots %q, want %d different ones: %w", c.Slots, maxSlots, fs.ErrInvalid)
	}
	for _, s := range c.Slots {
		if !slotName.MatchString(s) {
			return c, fmt.Errorf("slot %q, want 1 to 16 bytes of A-Z, a-z, 0-9: %w", s, fs.ErrInvalid)
		}
	}
	return c, nil
}

func (c Config) locations() [2]Location { return [2]Location{c.Primary, c.Redundant} }
