package baseline_test

import (
	"context"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
)

// Capabilities fit together without importing one another: the compiler says so.
var (
	_ baseline.Configurer = (*config.Settings)(nil)
	_ baseline.Protector  = (*protect.Vault)(nil)
	_ baseline.Eraser     = (*protect.Subjects)(nil)
	_ baseline.Accessor   = (*access.Guard)(nil)
	_ baseline.Notifier   = (*notify.Center)(nil)
	_ baseline.Part       = (*password.Store)(nil)

	_ baseline.Checker = (*config.Settings)(nil)
	_ baseline.Checker = (*protect.Vault)(nil)
	_ baseline.Checker = (*access.Guard)(nil)
	_ baseline.Checker = (*notify.Center)(nil)
	_ baseline.Runner  = (*notify.Center)(nil)

	_ config.Interlock = (*baseline.Interlock)(nil)

	_ durable.Store = (*durable.Dir)(nil)
	_ durable.Store = (*protect.Compartment)(nil)
	_ durable.Logs  = (*protect.Compartment)(nil)
	_ durable.Tree  = (*protect.Compartment)(nil)

	_ access.Authorizer = (*access.Guard)(nil)
)

// eraseStore is what an inventory of user data asks of each place.
type eraseStore interface {
	Name() string
	Erase(ctx context.Context, subject string) (method string, err error)
	Verify(ctx context.Context, subject string) error
}

var (
	_ eraseStore = (*protect.Subjects)(nil)
	_ eraseStore = (*notify.Center)(nil)
)
