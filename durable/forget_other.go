//go:build !linux || !(amd64 || arm64 || riscv64 || arm)

package durable

// forget does nothing here: the call takes more arguments on this machine than
// package syscall passes (mips), or does not exist.
func forget(uintptr) {}
