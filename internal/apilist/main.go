// Command apilist prints what the packages of this module export, as it stands in
// api/: for each package given by its path below the module, or for all.
//
//	go run ./internal/apilist durable
//
// The committed files are written by: go test . -run TestAPI -update
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/iot-device-baseline/baseline/internal/law"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apilist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, wanted []string) error {
	tree, err := law.Load(ctx, ".")
	if err != nil {
		return err
	}
	for _, p := range tree.Importable() {
		if len(wanted) > 0 && !slices.Contains(wanted, p.Path) {
			continue
		}
		if p.Error != nil {
			return fmt.Errorf("%s: %s", p.Path, p.Error.Err)
		}
		fmt.Fprintf(w, "# %s\n", p.ImportPath)
		for _, line := range law.API(p) {
			fmt.Fprintln(w, line)
		}
	}
	return nil
}
