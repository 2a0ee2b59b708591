// Package law holds the laws of this module as functions over its source: which
// package may import what, that only package durable writes to a medium, and
// what the source may not contain at all.
//
// Every law takes a [Tree] and gives the places that break it, so that the tests
// at the root run the same function on this module, where it must find nothing,
// and on planted trees, where it must find exactly what was planted.
//
// What the laws do not see: a method that changes a map or slice held by a package
// variable through a copy of its struct, a field of type *os.File that reflection
// or a template reaches, a dial function that is nil when the program runs, what a
// third-party module does inside, code that is written by a vendor, and files of
// another operating system than the one the test runs on (such files are refused
// outside package durable for that reason).
//
//	tree, err := law.Load(ctx, ".")
//	if err != nil { … }
//	for _, v := range law.Imports(tree, law.Baseline()) {
//		fmt.Println(v)
//	}
package law
