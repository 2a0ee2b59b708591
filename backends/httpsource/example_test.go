package httpsource_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
)

func Example() {
	ctx := context.Background()
	vendor := httptest.NewTLSServer(http.HandlerFunc(good))
	defer vendor.Close()

	source, err := httpsource.New(vendor.URL, &httpsource.Options{
		Dial: dial,             // on a device: gate.Dialer("updates")
		TLS:  trusting(vendor), // on a device: nil, or the vendor's own roots
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	r, at, err := source.Open(ctx, "targets/images/gateway.bin", 65520, -1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	rest, err := io.ReadAll(r)
	fmt.Printf("from %d: %s %v\n", at, rest, err)
	// Output: from 65520: 0123456789abcdef <nil>
}
