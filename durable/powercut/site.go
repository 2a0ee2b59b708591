package powercut

import (
	"path"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// point is one step: what it was and where it was asked for.
type point struct {
	kind      string // open, mkdir, rename, remove, write, truncate, sync, syncdir, step, store
	object    string
	allocates bool
	site      string
}

// id tells call sites apart; the object does not count.
func (p point) id() string { return p.kind + " at " + p.site }

func (p point) String() string { return p.kind + " " + p.object + " at " + p.site }

// callSite names the innermost frame outside this package and, when that one is in
// package durable, also the nearest frame outside durable.
func callSite() string {
	self := reflect.TypeFor[Machine]().PkgPath()
	durable := path.Dir(self)
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	inner := ""
	for {
		f, more := frames.Next()
		switch in := packageOf(f.Function); {
		case in == self:
		case in != durable:
			return join(place(f), inner)
		case inner == "":
			inner = place(f)
		}
		if !more {
			return join(inner, "")
		}
	}
}

func join(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return inner + " for " + outer
}

func place(f runtime.Frame) string {
	return path.Base(packageOf(f.Function)) + "/" + path.Base(f.File) + ":" + strconv.Itoa(f.Line)
}

// packageOf cuts a function's full name down to its import path.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[:slash+dot]
	}
	return function
}
