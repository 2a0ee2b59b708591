// Command gen reads catalogue/clauses.json on standard input and writes the
// table of package clause to standard output. Package clause runs it with go
// generate; a test there fails when its output is not what is committed.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/iot-device-baseline/baseline/clause/internal/gen/emit"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	src, err := emit.Table(data)
	if err != nil {
		return err
	}
	_, err = out.Write(src)
	return err
}
