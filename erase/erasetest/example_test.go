package erasetest_test

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/erase/erasetest"
)

func ExampleRules() {
	for _, r := range erasetest.Rules()[:2] {
		fmt.Printf("%s: %s\n", r.Name, r.Sentence)
	}
	// Output:
	// name: Name is 1 to 32 bytes of [a-z0-9-], and always the same.
	// gone: Erase returning nil means that no restart brings the subject's data back.
}
