// Command vendor is a manufacturer's bench in a folder: it makes keys and a repository
// of releases (27402 5.2.7), signs settings (5.2.2.2), serves devices over HTTPS, and
// verifies what devices sign, with their public keys only.
//
//	vendor -dir bench init                               keys, repository, certificate for -address
//	vendor -dir bench release -version 1.1 -number 11 IMAGE
//	vendor -dir bench sign BUNDLE.json > BUNDLE.json.asc
//	vendor -dir bench serve                              until interrupted
//	vendor verify-receipt -key device.pem RECEIPT        of an erasure or of settings
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/iot-device-baseline/baseline/examples/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench.Run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vendor:", err)
		os.Exit(1)
	}
}
