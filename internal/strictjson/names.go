package strictjson

import "bytes"

// fewNames is up to how many names are compared one by one.
const fewNames = 16

// nameSet holds the names of the members of one object: few of them on the stack
// of the walker, so that the small objects of a long list cost no memory.
type nameSet struct {
	w    *walker
	from int // of the stack
	many map[string]bool
}

// add reports whether name is new.
func (s *nameSet) add(name []byte) bool {
	if s.many != nil {
		before := len(s.many)
		s.many[string(name)] = true
		return len(s.many) > before
	}
	few := s.w.names[s.from:]
	for _, other := range few {
		if bytes.Equal(name, other) {
			return false
		}
	}
	s.w.names = append(s.w.names, name)
	if len(few) >= fewNames {
		s.many = map[string]bool{}
		for _, other := range s.w.names[s.from:] {
			s.many[string(other)] = true
		}
	}
	return true
}
