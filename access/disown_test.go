package access_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// untilLocked waits until a goroutine in function waits for a mutex.
func untilLocked(function string) {
	buf := make([]byte, 1<<20)
	for {
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, function) && strings.Contains(stack, "[sync.Mutex.Lock") {
				return
			}
		}
		runtime.Gosched()
	}
}

// TestEndOwnershipAsksAgain: bob's right ends while he waits for the record.
func TestEndOwnershipAsksAgain(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "owner")
	bob, ann := d.as("bob"), d.as("ann")
	writing, goOn := make(chan bool), make(chan bool)
	d.store.hook = func(string) { d.store.hook = nil; close(writing); <-goOn }
	unassigned, ended := make(chan error), make(chan error)
	go func() { unassigned <- d.Unassign(ann, "bob") }()
	<-writing
	go func() { ended <- d.EndOwnership(bob) }()
	untilLocked(").EndOwnership(")
	close(goOn)
	require.NoError(t, <-unassigned)
	require.ErrorIs(t, <-ended, access.ErrDenied)
	assert.NotEmpty(t, d.Ownership())
	assert.Len(t, d.log.named(access.EventDenied), 1)
}

// TestWhatChangesNothingIsNoEvent: it would become a notice of something that did
// not happen.
func TestWhatChangesNothingIsNoEvent(t *testing.T) {
	d := provisioned(t)
	e, err := d.ProvePresence(t.Context(), button{})
	require.NoError(t, err)
	require.NoError(t, d.EndOwnership(access.WithEntity(t.Context(), e)))
	assert.Empty(t, d.log.named(access.EventOwnershipEnded), "there was none")
	d.commission("ann")
	require.NoError(t, d.Unassign(d.as("ann"), "stranger"))
	assert.Empty(t, d.log.named(access.EventUnassigned))
}

// TestOldOwnersMandateOnlyClears: what he ordered goes on after his ownership as far
// as it takes away, and gives him nothing.
func TestOldOwnersMandateOnlyClears(t *testing.T) {
	for p, want := range map[access.Permission]bool{
		access.ResetRequest: true, access.EraseAll: true, access.EraseSubject: true, access.AccessDisown: true,
		access.StatusRead: false, access.UpdateConfirm: false, access.UpdateRollback: false,
	} {
		d := commissioned(t)
		m := d.order(d.as("ann"), p, "x")
		require.NoError(t, d.EndOwnership(d.as("ann")))
		_, err := d.Resume(t.Context(), m)
		if want {
			require.NoError(t, err, p)
			continue
		}
		require.ErrorIs(t, err, access.ErrDenied, p)
	}
}

// TestNobodyOrdersACommissioning: carried out after the ownership, it would need
// neither label nor presence.
func TestNobodyOrdersACommissioning(t *testing.T) {
	d := commissioned(t)
	ann := d.as("ann")
	_, err := d.NewMandate(ann, access.MandateRequest{Acts: acts(access.AccessCommission, "ownership"), Reason: "x"})
	require.ErrorContains(t, err, "/acts/0/permission: can be ordered in advance")
	m := d.order(ann, access.AccessDisown, "ownership")
	m.Acts = acts(access.AccessCommission, "ownership") // kept by a release before
	require.NoError(t, d.EndOwnership(ann))
	_, err = d.Resume(t.Context(), m)
	require.Error(t, err)
}

func TestOwnerInheritsNoRoleOfAService(t *testing.T) {
	spec := homeSpec()
	spec.Roles = append(spec.Roles, access.Role{Name: "boss", Inherits: []string{"deputy"}}, access.Role{Name: "deputy", Inherits: []string{"updater"}})
	d := provisioned(t)
	d.policy = compile(t, spec)
	d.reopen()
	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	err = d.Commission(access.WithEntity(t.Context(), first), access.Owner{ID: "eve", Roles: []string{"boss"}}, nothing)
	var bad *access.InputError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "/roles/0", bad.Path)
	require.Empty(t, d.Ownership())
}
