package eventlog

// roots finds the root of the tree after each record. A log whose beginning was given up
// has to be read up to a checkpoint that gives the nodes of what is missing; until then
// the leaves are kept, 32 bytes each, and the checkpoints between.
type roots struct {
	tree   tree
	known  bool   // the tree is of all records so far; else leaves are of those that were read
	before uint64 // number of records before the first
	leaves []hash
	waits  []*Checkpoint
}

// begin says how many records are before the first. It returns their root, if it is known.
func (t *roots) begin(before uint64) (root hash) {
	t.before, t.known = before, t.tree.size == before
	if t.known {
		root = t.tree.root()
	}
	return root
}

func (t *roots) add(leaf hash) {
	if t.known {
		t.tree.add(leaf)
		return
	}
	t.leaves = append(t.leaves, leaf)
}

func (t *roots) root() (root hash) {
	if t.known {
		root = t.tree.root()
	}
	return root
}

// check compares c with the records so far, and one more leaf. It returns 0, or the number
// of the record in which a checkpoint is that does not fit: this one, or one that waited.
func (t *roots) check(c *Checkpoint, last *hash) (bad uint64) {
	if !t.known {
		if c.base.size < t.before || c.base.size > t.before+uint64(len(t.leaves)) {
			t.waits = append(t.waits, c)
			return 0
		}
		if bad := t.start(c.base); bad != 0 {
			return bad
		}
	}
	now := t.tree.clone()
	if last != nil {
		now.add(*last)
	}
	return unlike(&now, c)
}

// start goes through what was kept, from the nodes of what is missing on.
func (t *roots) start(base tree) (bad uint64) {
	t.tree, t.known = base.clone(), true
	leaves := t.leaves[base.size-t.before:]
	for i := 0; ; i++ {
		for _, c := range t.waits {
			if c.Size == t.tree.size && bad == 0 {
				bad = unlike(&t.tree, c)
			}
		}
		if i == len(leaves) {
			break
		}
		t.tree.add(leaves[i])
	}
	t.leaves, t.waits = nil, nil
	return bad
}

// unlike returns 0 if c is of t.
func unlike(t *tree, c *Checkpoint) uint64 {
	if t.size == c.Size && t.root() == c.Root {
		return 0
	}
	return c.Size + 1
}
