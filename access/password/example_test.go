package password_test

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/access/password"
)

func ExampleHasher() {
	ctx := context.Background()
	hasher, err := password.NewHasher(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hash, err := hasher.Hash(ctx, password.New("correct horse battery"))
	fmt.Println(hash[:31], err)
	match, upgrade, err := hasher.Verify(ctx, hash, password.New("correct horse battery"))
	fmt.Println(match, upgrade, err)
	_, err = hasher.Hash(ctx, password.New("hunter2"))
	fmt.Println(err, password.New("hunter2"))
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1$ <nil>
	// true false <nil>
	// password: password is too weak: 7 characters, at least 15 [redacted]
}
