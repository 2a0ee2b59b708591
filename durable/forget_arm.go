package durable

import "syscall"

const (
	dontNeed  = 4   // POSIX_FADV_DONTNEED
	fadvise64 = 270 // arm_fadvise64_64, whose advice comes second
)

// forget tells the kernel that the pages of a file are not needed.
func forget(fd uintptr) { _, _, _ = syscall.Syscall6(fadvise64, fd, dontNeed, 0, 0, 0, 0) }
