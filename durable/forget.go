//go:build linux && (amd64 || arm64 || riscv64)

package durable

import "syscall"

const dontNeed = 4 // POSIX_FADV_DONTNEED

// forget tells the kernel that the pages of a file are not needed.
func forget(fd uintptr) {
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, fd, 0, 0, dontNeed, 0, 0)
}
