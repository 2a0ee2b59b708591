package baseline_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/risk"
)

// A composition is checked against the risk assessment: what a risk asks for and
// nobody composed has a name.
func ExampleNew() {
	text, err := os.ReadFile("risk/testdata/with-updates.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := risk.Parse(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	parts := baseline.Parts{} // nothing yet; see examples/quickstart
	_, err = baseline.New(parts, risk.Derive(assessment, parts.Features(), nil), nil)
	if missing, ok := errors.AsType[*baseline.MissingError](err); ok {
		fmt.Println(missing.Parts())
	}
	// Output: [Accessor Configurer Eraser Notifier Protector Updater]
}
