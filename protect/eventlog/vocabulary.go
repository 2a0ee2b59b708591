package eventlog

import (
	"fmt"
	"maps"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// The events of this package. The log writes them itself.
const (
	EventStarted     = "log.started"     // the log was opened: with the next records on the medium
	EventClosed      = "log.closed"      // in order; without it the power failed
	EventOn          = "log.on"          // [Log.Configure] switched it on
	EventOff         = "log.off"         // and off
	EventCheckpoint  = "log.checkpoint"  // signs what was before it
	EventFull        = "log.full"        // the medium is full
	EventLost        = "log.lost"        // so many records were not kept, since the last such event
	EventOverwritten = "log.overwritten" // so many of the oldest were given up, in all
	EventPruned      = "log.pruned"      // so many of the oldest go now
	EventExported    = "log.exported"    // somebody took an export
	unnamed          = "event.unnamed"   // a message that is no name of an event may hold anything
)

// keys is the vocabulary: what access knows, and what the vendor added.
type keys map[string]access.KeyInfo

func newKeys(own []access.KeyInfo) (keys, error) {
	all := keys{}
	for _, k := range access.Keys() {
		all[k.Key] = k
	}
	known := maps.Clone(all)
	for _, k := range own {
		if _, taken := known[k.Key]; taken || !validKey(k.Key) || k.Class < access.ClassPublic || k.Class > access.ClassSecret {
			return nil, invalid(fmt.Sprintf("key %.70q: want a new one of 1 to 64 bytes [a-zA-Z][a-zA-Z0-9_-]*, with a class", k.Key))
		}
		all[k.Key] = k
	}
	return all, nil
}

func (k keys) class(key string) access.Class {
	if info, ok := k[key]; ok {
		return info.Class
	}
	return access.ClassSecret
}

// subject reports whether the value under a key, with its groups, names somebody.
func (k keys) subject(key string) bool {
	info := k[key[strings.LastIndexByte(key, '.')+1:]]
	return info.Class == access.ClassPerson && info.Subject
}

// validKey reports whether s can be a key or the name of a group.
func validKey(s string) bool {
	if s == "" || len(s) > access.MaxID || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// validEvent reports whether s is two or three words of [a-z][a-z0-9-]* joined by
// dots, at most 64 bytes.
func validEvent(s string) bool {
	if len(s) > access.MaxID {
		return false
	}
	words, start := 1, true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			start = false
		case !start && (c == '-' || c >= '0' && c <= '9'):
		case !start && c == '.':
			words, start = words+1, true
		default:
			return false
		}
	}
	return !start && words >= 2 && words <= 3
}
