package baseline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/gate"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
	"github.com/iot-device-baseline/baseline/protect/integrity"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

// Capabilities fit together without importing one another: the compiler says so.
var (
	_ baseline.Configurer = (*config.Settings)(nil)
	_ baseline.Protector  = (*protect.Vault)(nil)
	_ baseline.Eraser     = (*protect.Subjects)(nil)
	_ baseline.Eraser     = (*erase.Coordinator)(nil)
	_ baseline.Resetter   = (*reset.Resetter)(nil)
	_ baseline.Updater    = (*update.Updater)(nil)
	_ baseline.Accessor   = (*access.Guard)(nil)
	_ baseline.Notifier   = (*notify.Center)(nil)
	_ baseline.Part       = (*password.Store)(nil)
	_ baseline.Part       = (*eventlog.Log)(nil)
	_ baseline.Part       = (*gate.Gate)(nil)
	_ baseline.Part       = (*integrity.Monitor)(nil)

	_ baseline.Recoverer = (*update.Updater)(nil)
	_ baseline.Recoverer = (*integrity.Monitor)(nil)
	_ baseline.Resumer   = (*erase.Coordinator)(nil)
	_ baseline.Resumer   = (*reset.Resetter)(nil)

	_ baseline.Checker = (*config.Settings)(nil)
	_ baseline.Checker = (*protect.Vault)(nil)
	_ baseline.Checker = (*access.Guard)(nil)
	_ baseline.Checker = (*notify.Center)(nil)
	_ baseline.Checker = (*erase.Coordinator)(nil)
	_ baseline.Checker = (*reset.Resetter)(nil)
	_ baseline.Checker = (*update.Updater)(nil)
	_ baseline.Checker = (*eventlog.Log)(nil)
	_ baseline.Checker = (*integrity.Monitor)(nil)

	_ baseline.Runner = (*notify.Center)(nil)
	_ baseline.Runner = (*update.Updater)(nil)
	_ baseline.Runner = (*reset.Resetter)(nil)
	_ baseline.Runner = (*eventlog.Log)(nil)
	_ baseline.Runner = (*integrity.Monitor)(nil)

	_ config.Interlock = (*baseline.Interlock)(nil)
	_ erase.Interlock  = (*baseline.Interlock)(nil)
	_ reset.Interlock  = (*baseline.Interlock)(nil)
	_ update.Interlock = (*baseline.Interlock)(nil)

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

// What no interface says: the parts name their operations as the Interlock does.
func TestPartsNameTheirOperations(t *testing.T) {
	for _, name := range [][2]string{
		{config.Operation, baseline.OpConfigChange},
		{update.OpInstall, baseline.OpInstall},
		{update.OpActivate, baseline.OpActivate},
		{update.OpRestart, baseline.OpRestart},
		{update.OpTrial, baseline.OpTrial},
		{erase.OperationSubject, baseline.OpEraseSubject},
		{erase.OperationAll, baseline.OpEraseAll},
		{reset.Operation, baseline.OpReset},
	} {
		assert.Equal(t, name[1], name[0])
	}
}
