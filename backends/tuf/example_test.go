package tuf_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// vendor publishes one release in dir.
func vendor(ctx context.Context, dir string) (root []byte, err error) {
	fsys, err := durable.OpenRaw(dir, nil)
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	var roles publish.Roles
	for _, role := range []*publish.Role{&roles.Root, &roles.Targets, &roles.Snapshot, &roles.Timestamp} {
		key, err := publish.GenerateKey()
		if err != nil {
			return nil, err
		}
		role.Signers = append(role.Signers, key)
	}
	repo, err := publish.Init(ctx, fsys, roles, nil)
	if err != nil {
		return nil, err
	}
	if _, err := repo.AddRelease(ctx, update.Release{
		Product: "gateway", Channel: "stable", Version: "1.1", Number: 2,
		Components: []update.Component{{Name: "system", Version: "1.1"}},
	}, map[string]io.Reader{"system": strings.NewReader("an image")}); err != nil {
		return nil, err
	}
	return repo.Root(ctx)
}

func Example() {
	ctx := context.Background()
	repository, _ := os.MkdirTemp("", "vendor")
	defer os.RemoveAll(repository)
	root, err := vendor(ctx, repository) // on a device, root is built in
	if err != nil {
		fmt.Println(err)
		return
	}

	state, _ := os.MkdirTemp("", "device")
	defer os.RemoveAll(state)
	dir, err := durable.OpenDir(state, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dir.Close()
	clock, err := durable.OpenClock(ctx, dir, &durable.ClockOptions{Build: time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println(err)
		return
	}
	source := update.FS(os.DirFS(repository)) // or backends/httpsource
	trust, err := tuf.Open(ctx, durable.Sub(dir, "tuf"), source, root, &tuf.Options{
		Clock: clock, Floors: update.NewFloors(dir),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := trust.Refresh(ctx); err != nil {
		fmt.Println(err)
		return
	}
	target, err := trust.Find(ctx, update.ReleasePath("gateway", "stable"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(target.Path, target.Length)
	fmt.Println(strings.Replace(target.Name, target.Digest.String(), "<sha256>", 1))
	_, err = trust.Find(ctx, update.ReleasePath("gateway", "beta"))
	fmt.Println(err)
	s := trust.Status()
	fmt.Println(s.Root, s.Timestamp, s.Snapshot, s.Targets, s.Quality)
	// Output:
	// releases/gateway/stable.json 288
	// targets/releases/gateway/<sha256>.stable.json
	// tuf: find releases/gateway/beta.json: not offered: no role lists it
	// 1 2 2 2 lower bound
}
