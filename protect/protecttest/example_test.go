package protecttest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func ExampleNewToken() {
	ctx := context.Background()
	token := protecttest.NewToken(powercut.New())
	blob, err := token.Seal(ctx, []byte("a secret"))
	if err != nil {
		panic(err)
	}
	secret, err := token.Unseal(ctx, blob)
	fmt.Printf("%s, %v\n", secret, err)
	if err := token.Advance(ctx, 1); err != nil {
		panic(err)
	}
	_, err = token.Unseal(ctx, blob)
	fmt.Println(errors.Is(err, protect.ErrRollback))
	// Output:
	// a secret, <nil>
	// true
}
