package notifytest_test

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/notify/notifytest"
)

func ExampleRules() {
	for _, r := range notifytest.Rules()[:2] {
		fmt.Printf("%s: %s\n", r.Name, r.Sentence)
	}
	// Output:
	// accepted: A nil error means that the receiver has the notice, or keeps it safe for delivery.
	// again: Any other error means that the notice is sent again later, under the same ID and Sequence.
}
