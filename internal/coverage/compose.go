package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
)

// settings are as small as can be: which features there are does not depend on them.
type settings struct {
	Name string `json:"name" setting:"doc=Name of the device; default=device; minlen=1; maxlen=32; charset=host"`
}

// compose opens every part of this module that has features, in dir, and returns
// these, sorted by id and checked.
func compose(ctx context.Context, dir *durable.Dir) ([]clause.Feature, error) {
	vault, err := openVault(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer vault.Close()
	parts := baseline.Parts{Protector: vault, Eraser: vault.Subjects()}
	guard, users, err := openAccess(ctx, dir)
	if err != nil {
		return nil, err
	}
	parts.Accessor, parts.Extra = guard, []baseline.Part{users}
	center, err := notify.Open(ctx, durable.Sub(dir, "notices"), guard, &notify.Options{
		Channels: []notify.Channel{{Name: "console", To: notify.NewWriter(io.Discard, nil)}},
	})
	if err != nil {
		return nil, err
	}
	defer center.Close()
	parts.Notifier = center
	schema, err := config.For[settings](nil)
	if err != nil {
		return nil, err
	}
	if parts.Configurer, err = config.Open(ctx, dir, schema, guard, nil); err != nil {
		return nil, err
	}
	features := parts.Features()
	slices.SortFunc(features, func(a, b clause.Feature) int { return strings.Compare(a.ID, b.ID) })
	return features, clause.Check(features)
}

// openVault provisions the vault the first time.
func openVault(ctx context.Context, dir *durable.Dir) (*protect.Vault, error) {
	keys, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	vault, err := protect.Provision(ctx, dir, keys, nil)
	if errors.Is(err, fs.ErrExist) {
		return protect.Open(ctx, dir, keys, nil)
	}
	return vault, err
}

func openAccess(ctx context.Context, dir *durable.Dir) (*access.Guard, *password.Store, error) {
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "owner"}},
		Grants: []access.Grant{{Role: "owner", Permission: access.ConfigWrite, Resources: []string{"**"}}},
	}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("policy: %w", err)
	}
	guard, err := access.OpenGuard(ctx, dir, policy, nil)
	if err != nil {
		return nil, nil, err
	}
	hasher, err := password.NewHasher(nil)
	if err != nil {
		return nil, nil, err
	}
	users, err := password.NewStore(dir, guard, hasher, nil)
	return guard, users, err
}
