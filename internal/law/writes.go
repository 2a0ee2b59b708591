package law

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// system are the packages by which a program calls the operating system. What of
// them is not in reads is refused, so that a function which a later Go brings is
// refused as well until someone has looked at it.
var system = []string{"os", "syscall", "io/ioutil", "golang.org/x/sys/unix", "golang.org/x/sys/windows"}

// reads are the functions, methods and variables of system that change nothing
// on a medium. Constants and types are free: they do nothing.
var reads = []string{
	"os.Open", "os.ReadFile", "os.ReadDir", "os.Stat", "os.Lstat", "os.Readlink", "os.DirFS", "os.SameFile",
	"os.Args", "os.Stdin", "os.Stdout", "os.Stderr", "os.Exit", "os.Getenv", "os.LookupEnv", "os.Environ",
	"os.Getpid", "os.Getppid", "os.Getuid", "os.Geteuid", "os.Getgid", "os.Hostname", "os.Getpagesize", "os.Executable", "os.Getwd",
	"os.Err*", "os.Is*", "os.Interrupt", "os.Kill", "(os.Signal).*", "(os.FileMode).*",
	"os.FindProcess", "(*os.Process).*", "(*os.ProcessState).*",
	"(*os.File).Close", "(*os.File).Name", "(*os.File).Read", "(*os.File).ReadAt", "(*os.File).ReadDir", "(*os.File).Readdirnames",
	"(*os.File).Seek", "(*os.File).Stat", "(*os.File).WriteTo",
	"(*os.Root).Close", "(*os.Root).FS", "(*os.Root).Lstat", "(*os.Root).Name", "(*os.Root).Open", "(*os.Root).OpenRoot",
	"(*os.Root).ReadFile", "(*os.Root).Readlink", "(*os.Root).Stat",
	"(syscall.Errno).*", "(syscall.Signal).*", "(syscall.WaitStatus).*", "syscall.Getpid", "syscall.Getuid", "syscall.Getrusage", "syscall.Kill",
	"syscall.Stat", "syscall.Lstat", "syscall.Fstat", "syscall.Statfs", "syscall.Fstatfs", "syscall.Sysinfo", "syscall.Uname",
	"golang.org/x/sys/unix.ClockGettime", "golang.org/x/sys/unix.Stat", "golang.org/x/sys/unix.Fstat", "golang.org/x/sys/unix.Lstat",
	"golang.org/x/sys/unix.Statfs", "golang.org/x/sys/unix.Sysinfo", "golang.org/x/sys/unix.Uname",
}

// starts are what package os/exec is made of: who may import that may use these,
// and so may examples. What a started program writes, no law sees.
var starts = []string{"os.StartProcess", "os.Pipe"}

// scratch is what a program under examples/ may use besides, for a directory that
// it throws away when it ends: it is no state of a device. What it removes is the
// variable that os.MkdirTemp filled in the same function.
var scratch = []string{"os.MkdirTemp", "os.RemoveAll"}

// alsoWrites are functions of other packages that write to a file by descriptor
// or by name, also a temporary one.
var alsoWrites = []string{
	"runtime/debug.WriteHeapDump", "runtime/debug.SetCrashOutput", "runtime/coverage.*", "(*net.UnixListener).SetUnlinkOnClose",
	"(*net/textproto.Conn).*", "(*archive/zip.Writer).AddFS",
	"(*mime/multipart.Reader).ReadForm", "(*net/http.Request).ParseMultipartForm",
	"(*net/http.Request).FormFile", "(*net/http.Request).FormValue", "(*net/http.Request).PostFormValue",
}

// callsByName are functions that reach a method which no other law sees.
var callsByName = []string{"(reflect.Value).Method*", "(reflect.Type).Method*"}

// Writes checks that only the writer package (durable) calls the operating
// system to write. Everything else keeps its state in a durable.Store; programs
// may read files, print, and start other programs. A file may not hide behind an
// interface that writes, nor its methods behind reflection.
func Writes(t *Tree, tab *Table) []Violation {
	r := &report{law: "writes", tree: t}
	for _, p := range t.Own {
		if p.Info == nil || p.Path == tab.Writer {
			continue
		}
		hiddenFiles(r, p)
		thrown := scratchUses(p)
		for id, obj := range p.Info.Uses {
			name := fullName(obj)
			if name == "" || obj.Pkg() == nil {
				continue
			}
			if thrown[id] && matches(scratch, name) {
				continue
			}
			rule := tab.rule(p.Path)
			if matches(starts, name) && mayStart(p, rule) {
				continue
			}
			if matches(callsByName, name) && (rule == nil || rule.Floor.device()) {
				r.at(p, id.Pos(), "%s reaches methods that no law sees", name)
			}
			known := slices.Contains(system, obj.Pkg().Path()) || underSystem(obj)
			if known && !matches(reads, name) || matches(alsoWrites, name) {
				r.at(p, id.Pos(), "%s is not known to only read: keep state in a durable.Store", name)
			}
		}
	}
	return r.sorted()
}

func mayStart(p *Package, rule *Rule) bool {
	return strings.HasPrefix(p.Path, "examples/") || rule != nil && slices.Contains(rule.Std, "os/exec")
}

// underSystem reports whether an object belongs to some other package of x/sys.
func underSystem(obj types.Object) bool {
	path := obj.Pkg().Path()
	return strings.HasPrefix(path, "golang.org/x/sys/") && path != "golang.org/x/sys/cpu"
}

// scratchUses finds the uses of scratch that an example may make.
func scratchUses(p *Package) map[*ast.Ident]bool {
	uses := map[*ast.Ident]bool{}
	if !strings.HasPrefix(p.Path, "examples/") {
		return uses
	}
	for _, f := range p.Files {
		for _, d := range f.Decls {
			made := map[types.Object]bool{}
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					if id := called(p.Info, n.Rhs[0], "os.MkdirTemp"); id != nil {
						uses[id] = true
						made[variable(p.Info, n.Lhs[0])] = true
					}
				case *ast.CallExpr:
					if id := called(p.Info, n, "os.RemoveAll"); id != nil {
						v := variable(p.Info, n.Args[0])
						uses[id] = v != nil && made[v]
					}
				}
				return true
			})
		}
	}
	return uses
}

// called gives the name in a call of the function, or nil.
func called(info *types.Info, e ast.Expr, function string) *ast.Ident {
	if call, ok := e.(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && fullName(info.Uses[sel.Sel]) == function {
			return sel.Sel
		}
	}
	return nil
}

// variable gives the variable or field that an expression names, or nil.
func variable(info *types.Info, e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return info.ObjectOf(e)
	case *ast.SelectorExpr:
		return info.Uses[e.Sel]
	}
	return nil
}
