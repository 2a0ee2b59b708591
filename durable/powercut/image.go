package powercut

import (
	"bytes"
	"fmt"
	"path"
	"slices"
)

// maxDead is how many contents of replaced and removed files a machine keeps as
// stale bytes.
const maxDead = 4

// bury notes what the medium holds of n, for later use as stale bytes.
func (m *Machine) bury(n *inode) {
	if n == nil || len(n.stable) == 0 {
		return
	}
	m.dead = slices.DeleteFunc(m.dead, func(d []byte) bool { return bytes.Equal(d, n.stable) })
	m.dead = append(m.dead, n.stable)
	if len(m.dead) > maxDead {
		m.dead = slices.Delete(m.dead, 0, 1)
	}
}

// restart makes root the medium at rest, with power on and nothing armed. Open
// files are closed. The caller holds mu.
func (m *Machine) restart(root *inode) {
	m.root = root
	m.boot++
	m.off, m.cutAt, m.faultAt, m.fault, m.cutSite = false, never, never, NoFault, nil
}

// Settle starts the machine again after an orderly stop: everything pending has
// reached the medium, except what a failed Sync lost. Open files are closed and
// nothing is armed any more.
func (m *Machine) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restart(atRest(m.root, choice{all: true}))
}

// Drop starts the machine again after the worst power cut: nothing pending has
// reached the medium. Open files are closed and nothing is armed any more.
func (m *Machine) Drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restart(atRest(m.root, choice{}))
}

// Image is a copy of a machine's disk, without its non-file media.
type Image struct{ root *inode }

// Image copies the files as an orderly stop would leave them.
func (m *Machine) Image() Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Image{atRest(m.root, choice{all: true})}
}

// Restore starts the machine again with the files of an image; the non-file media
// keep what they hold, as when somebody puts an old disk back. The zero Image is
// an empty disk.
func (m *Machine) Restore(img Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	root := newDir()
	if img.root != nil {
		root = img.root.clone(map[*inode]*inode{})
	}
	m.restart(root)
}

// Files returns a copy of every file that the running machine sees, by name.
func (m *Machine) Files() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := map[string][]byte{}
	m.root.walk(".", func(name string, n *inode) {
		if !n.dir {
			files[name] = append([]byte{}, n.live...)
		}
	})
	return files
}

// walk calls fn for n and everything that the running machine sees below it.
func (n *inode) walk(name string, fn func(name string, n *inode)) {
	fn(name, n)
	for _, entry := range sortedKeys(n.names) {
		n.names[entry].walk(path.Join(name, entry), fn)
	}
}

// FlipOptions are the options of [Flip].
type FlipOptions struct {
	// Stride is the distance of the flipped bits; 0 and 1 flip every bit. A stride
	// that is no multiple of 8 reaches every place within a byte.
	Stride int
}

// Flip calls fn for each bit of each file with a clone of m at rest in which that
// bit is inverted; where is "name:byte.bit". It returns the number of calls.
func Flip(m *Machine, opts *FlipOptions, fn func(m *Machine, where string)) int {
	stride := 1
	if opts != nil {
		stride = max(1, opts.Stride)
	}
	calls := 0
	files := m.Files()
	for _, name := range sortedKeys(files) {
		for bit := 0; bit < 8*len(files[name]); bit += stride {
			fn(m.flipped(name, bit), flipName(name, bit))
			calls++
		}
	}
	return calls
}

// flipped returns a clone of m at rest with one bit of a file inverted.
func (m *Machine) flipped(name string, bit int) *Machine {
	c := m.Clone()
	c.Settle()
	if n, err := (memFS{c}).find(name); err == nil && bit/8 < len(n.stable) {
		content := slices.Clone(n.stable)
		content[bit/8] ^= 1 << (bit % 8)
		n.stable, n.live = content, content
	}
	return c
}

func flipName(name string, bit int) string { return fmt.Sprintf("%s:%d.%d", name, bit/8, bit%8) }
