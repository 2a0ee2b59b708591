package protect

import "sync"

// writing are the streams of a compartment that are being written, by file.
type writing struct {
	mu sync.Mutex
	by map[string]*StreamWriter
}

// begin notes that w writes file. Who wrote it before was ended by a removal.
func (s *writing) begin(file string, w *StreamWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[string]*StreamWriter{}
	}
	s.by[file] = w
}

// end notes that w does not write file any more; nil is whoever does.
func (s *writing) end(file string, w *StreamWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w == nil || s.by[file] == w {
		delete(s.by, file)
	}
}

func (s *writing) has(file string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[file] != nil
}
