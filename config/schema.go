package config

import (
	"context"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/access"
)

// SchemaOptions are the options of [For]. Nil options mean no rules and the
// default limits.
type SchemaOptions struct {
	// Rules hold between settings; see [NewRule].
	Rules []Rule
	// Patterns are those that tags name, by their name: [a-zA-Z][a-zA-Z0-9_-]*, at
	// most 32 bytes. Package config/pattern makes them.
	Patterns map[string]Pattern
	// MaxBytes is the most bytes of a document or patch; default 256 KiB, at most
	// 768 KiB.
	MaxBytes int
	// MaxItems is the most names and values in a document or patch; default and
	// most 50,000.
	MaxItems int
}

const (
	defaultBytes = 256 << 10
	mostBytes    = 768 << 10 // with the frame of a record below durable.MaxValue
	mostItems    = 50_000
)

// Rule is a rule between settings; make it with [NewRule].
type Rule struct {
	// Severity of a finding; 0 means [Invalid].
	Severity Severity

	name  string
	paths []string
	typ   reflect.Type
	check func(settings any) (broken string)
}

// NewRule makes a rule between the settings at paths (RFC 6901). check says why
// they break it, in words that hold no value, or "". It is called with settings
// that are valid one by one; it must not change them, keep them, or depend on
// anything else. Each path gets a finding "name: broken".
func NewRule[T any](name string, check func(settings *T) (broken string), paths ...string) Rule {
	return Rule{
		name: name, paths: paths, typ: reflect.TypeFor[T](),
		check: func(settings any) string { return check(settings.(*T)) },
	}
}

// Schema is a compiled settings type. It does not change and may be used
// concurrently.
type Schema struct {
	root     *node
	rules    []Rule
	maxBytes int
	maxItems int
	defaults reflect.Value // of the settings type
	rooms    sync.Pool     // of *room
}

// room is memory for decoding that is used again.
type room struct {
	toks []token
	at   trail
}

// keep keeps what is not too large.
func (r *room) keep(toks []token, at trail) {
	if r.at = at; cap(toks) <= 4096 {
		r.toks = toks
	}
}

// For compiles the struct type T and its tags; the package documentation has
// their grammar. A wrong type, tag or rule gives a [*SchemaError], which names the
// field. Call it once, at the start.
func For[T any](opts *SchemaOptions) (*Schema, error) { return forType(reflect.TypeFor[T](), opts) }

func forType(typ reflect.Type, opts *SchemaOptions) (*Schema, error) {
	if opts == nil {
		opts = &SchemaOptions{}
	}
	name := typ.Name()
	if typ.Kind() != reflect.Struct || encodesItself(typ) {
		return nil, schemaError(name, "settings are a struct without a text form of its own, not %s", typ)
	}
	s := &Schema{
		root: &node{kind: kObject, typ: typ, tag: fieldTag{class: access.ClassDevice}}, rules: opts.Rules,
		maxBytes: or(opts.MaxBytes, defaultBytes), maxItems: or(opts.MaxItems, mostItems),
	}
	if s.maxBytes < 2 || s.maxBytes > mostBytes || s.maxItems < 1 || s.maxItems > mostItems {
		return nil, schemaError(name, "limits are 2 to %d bytes and 1 to %d items", mostBytes, mostItems)
	}
	s.rooms.New = func() any { return &room{} }
	if err := checkPatterns(name, opts.Patterns); err != nil {
		return nil, err
	}
	c := compiler{patterns: opts.Patterns}
	if err := c.object(s.root, name, 0); err != nil {
		return nil, err
	}
	if err := s.root.misplaced(name); err != nil {
		return nil, err
	}
	if err := s.root.tooLong(name); err != nil {
		return nil, err
	}
	s.defaults = reflect.New(typ).Elem()
	s.root.reset(s.defaults)
	return s, s.checkRules(name)
}

func or(given, otherwise int) int {
	if given == 0 {
		return otherwise
	}
	return given
}

// checkRules sees that the rules are about this type and that the defaults obey.
func (s *Schema) checkRules(name string) error {
	for _, r := range s.rules {
		switch {
		case r.check == nil || r.name == "" || len(r.paths) == 0 || r.Severity > Invalid:
			return schemaError(name, "rule %q: make it with NewRule, a name and paths", r.name)
		case r.typ != s.root.typ:
			return schemaError(name, "rule %q is about %s", r.name, r.typ)
		}
		for _, path := range r.paths {
			if p := s.root.find(path); p.general != path || path == "" || strings.Contains(path, "*") {
				return schemaError(name, "rule %q: no setting %s", r.name, path)
			}
		}
	}
	var r reporter
	s.applyRules(&r, s.defaults)
	for _, f := range r.list {
		if f.Severity != Warning {
			return schemaError(name, "the defaults break a rule: %s", f)
		}
	}
	return nil
}

// applyRules reports which rules the settings in v break.
func (s *Schema) applyRules(r *reporter, v reflect.Value) {
	for i := range s.rules {
		rule := &s.rules[i]
		broken := rule.check(v.Addr().Interface())
		if broken == "" {
			continue
		}
		severity := rule.Severity
		if severity == 0 {
			severity = Invalid
		}
		for _, path := range rule.paths {
			r.addPath(path, rule.name+": "+broken, severity)
		}
	}
}

// grade reports everything that is insecure or worth a warning in v, whose
// settings are valid one by one, and which rules it breaks.
func (s *Schema) grade(r *reporter, v reflect.Value) {
	var at pointer
	s.root.gradeAll(r, &at, v)
	s.applyRules(r, v)
}

// Defaults returns the document of all defaults.
func (s *Schema) Defaults() []byte {
	var e encoder
	e.encode(s.root, s.defaults, reflect.Value{})
	return e.buf
}

// Validate checks a whole document and returns all findings. A setting that the
// document leaves out has its default. The error is a [*ReportError] if a finding
// is [Invalid]; whether an [Insecure] choice is accepted is decided where it is
// made, see [Change].
func (s *Schema) Validate(document []byte) (Report, error) {
	v, r := s.decode(document, s.defaults, reflect.Value{}, decoder{})
	if r.invalid == 0 {
		all := reporter{all: true} // of maps in any order, so the choice comes after
		s.grade(&all, v)
		for _, f := range all.list {
			r.addPath(f.Path, f.Rule, f.Severity)
		}
	}
	if r.invalid > 0 {
		return r.list, r.refusal()
	}
	return r.list, nil
}

// decode reads a document or patch over base.
func (s *Schema) decode(text []byte, base, cur reflect.Value, d decoder) (reflect.Value, reporter) {
	v := reflect.New(s.root.typ).Elem()
	v.Set(base)
	if len(text) > s.maxBytes {
		d.report.add(nil, "document has more than "+strconv.Itoa(s.maxBytes)+" bytes", Invalid)
		return v, d.report
	}
	room := s.rooms.Get().(*room)
	defer s.rooms.Put(room)
	d.scanner = scanner{text: string(text), maxDepth: 2 * maxDepth, maxItems: s.maxItems, toks: room.toks[:0]}
	d.at = room.at[:0]
	d.document(s.root, v, cur)
	room.keep(d.toks, d.at)
	return v, d.report
}

// mayRead asks whether the entity in ctx may read the setting at path. The resource
// is the path: a tag's write= moves only who may write.
func (s *Schema) mayRead(ctx context.Context, a access.Authorizer, path string) error {
	_, err := access.Check(ctx, a, access.ConfigRead, strings.TrimPrefix(s.root.find(path).setting, "/"))
	return err
}

// mayWrite asks whether the entity in ctx may write the setting at path.
func (s *Schema) mayWrite(ctx context.Context, a access.Authorizer, path string) error {
	at := s.root.find(path)
	if _, err := access.Check(ctx, a, access.ConfigWrite, at.resource); err != nil {
		return err
	}
	for _, more := range at.needs {
		if _, err := access.Check(ctx, a, more, ""); err != nil {
			return err
		}
	}
	return nil
}
