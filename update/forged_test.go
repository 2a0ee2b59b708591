package update_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

var states = []string{
	"idle", "preparing", "writing", "verifying", "installed", "activating", "restart", "trial", "confirming", "rolling back", "rolled back",
}

// forgeries are records with a right checksum: every state with every claim that could
// be of use, and noise.
func forgeries(document update.Digest) (list []string) {
	zero := update.Digest{}
	for _, state := range states {
		for _, d := range []update.Digest{document, zero, {1, 2, 3}} {
			for _, places := range []string{`null`, `{"system":"a"}`, `{"system":"b"}`, `{"system":"z","radio":"b"}`} {
				for _, rest := range []string{
					`"component":0,"place":"b","offset":1500,"armings":0,"starts":0,"elapsed":0,"link":false,"confirming":true,"reason":"","failed":null`,
					`"component":0,"place":"a","offset":700,"armings":99,"starts":99,"elapsed":99999,"link":true,"confirming":false,"reason":"because","failed":[]`,
				} {
					list = append(list, fmt.Sprintf(`1 {"state":%q,"document":%q,"version":"1.2","places":%s,%s}`, state, d, places, rest))
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, record := range slices.Clone(list[:40]) {
		noisy := []byte(record)
		for range 8 {
			noisy[random.IntN(len(noisy))] = byte(random.IntN(256))
		}
		list = append(list, string(noisy), record[:random.IntN(len(record))])
	}
	return append(list, "", "1 null", "1 {}", "2 {}", `1 {"state":"approved"}`)
}

// moment is a device at a point of its life, and what may at most become of it when
// it is started and left alone by everybody who may do anything.
type moment struct {
	name   string
	stages []stage
	want   []string // of tell, without failures
}

func moments() []moment {
	installed := []stage{made, on(installing)}
	halfway := func(ctx context.Context, m *powercut.Machine, v *vendor) error { return partly(ctx, m, v) }
	return []moment{
		{"from the factory", []stage{made}, []string{"1.1 trial=false floor=0"}},
		{"writing", []stage{made, halfway}, []string{"1.1 trial=false floor=0"}},
		{"armed", installed, []string{"1.1 trial=false floor=0"}},
		{"on trial", append(installed, power), []string{"1.2 trial=true floor=0"}},
	}
}

// Whoever writes the journal, or the release document beside it, may stop an
// installation or bring back the release before. By no bytes does he confirm, raise a
// floor, activate, or start what is not the vendor's (PROTOCOLS 3).
func TestForgedJournal(t *testing.T) {
	ctx := t.Context()
	forged, refused, effective := 0, 0, map[string]int{}
	for _, mo := range moments() {
		v := published()
		m := powercut.New()
		require.NoError(t, life(mo.stages...)(ctx, m, v))
		documents := [][]byte{nil, []byte("{}"), []byte(strings.Replace(string(v.files["targets/"+update.ReleasePath(product, channel)]), `"floor":2`, `"floor":9`, 1))}
		for i, record := range forgeries(v.document()) {
			forged++
			c := m.Clone()
			forge(t, c, "update/journal", []byte(record))
			if document := documents[i%len(documents)]; document != nil {
				forge(t, c, "update/release", document)
			}
			got, next := alone(t, c, v)
			effective[next]++
			assert.Contains(t, mo.want, got[:strings.Index(got, " failed")], "%s: %s", mo.name, record)
			e := slots{c, "system"}.load()
			assert.Equal(t, mo.name == "on trial", e.Booted == "b")
			assert.False(t, e.Good["b"], "%s: %s: confirmed", mo.name, record)
			if mo.name == "from the factory" || mo.name == "writing" {
				assert.Equal(t, "a", e.Next, "%s: %s: activated", mo.name, record)
			}
			if mo.name == "on trial" {
				refused += insists(t, m, v, record, documents[i%len(documents)])
			}
			if i%3 == 0 {
				finishes(t, c, v, mo.name+": "+record)
			}
		}
	}
	t.Logf("forged=%d confirmed=0 raised=0 activated=0 revoked=%d confirmed=0 states=%v", forged, refused, effective)
	assert.Greater(t, refused, 300)
	assert.Greater(t, forged, 1000)
	assert.Greater(t, len(effective), 3, "the forgeries are not without effect")
}

func forge(t *testing.T, m *powercut.Machine, name string, value []byte) {
	t.Helper()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, d.Put(t.Context(), name, value))
	require.NoError(t, d.Close())
}

// alone starts the program, without anybody's permission, and lets it look around.
func alone(t *testing.T, m *powercut.Machine, v *vendor) (got, state string) {
	t.Helper()
	d, err := start(t.Context(), m, v, nil)
	require.NoError(t, err)
	require.NoError(t, d.Recover(t.Context()))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Run(over), context.Canceled)
	return d.state(t), d.State()
}

// insists revokes the release on trial and lets somebody who may confirm insist on it: he
// is refused, whatever was written into the journal and beside it.
func insists(t *testing.T, m *powercut.Machine, v *vendor, record string, document []byte) int {
	t.Helper()
	operator, c, v := as(t.Context(), "operator"), m.Clone(), v.clone()
	v.publish(3, 2, func(r *update.Release) { r.BlockedNumbers = []uint64{2} })
	forge(t, c, "update/journal", []byte(record))
	if document != nil {
		forge(t, c, "update/release", document)
	}
	d, err := start(operator, c, v, nil)
	require.NoError(t, err)
	err = d.Confirm(operator)
	require.Error(t, err, record)
	if d.State() != "rolling back" {
		require.ErrorIs(t, err, update.ErrBlocked, record)
	}
	require.False(t, slots{c, "system"}.load().Good["b"], record)
	return 1
}

// finishes shows that the device can be brought to release 1.3 all the same.
func finishes(t *testing.T, m *powercut.Machine, v *vendor, what string) {
	t.Helper()
	ctx := as(t.Context(), "operator")
	v = v.clone()
	v.publish(3, 2, nil)
	var err error
	for range 4 {
		d, failed := boot(ctx, m, v, nil)
		require.NoError(t, failed, what)
		if version, trial, _ := d.Status(ctx); trial && version == "1.3" {
			require.NoError(t, d.Confirm(ctx), what)
			assert.Contains(t, d.state(t), "1.3 trial=false floor=2", what)
			return
		}
		if err = d.unless(d.Rollback(ctx, "another one is better")); err == nil {
			err = d.Install(ctx, "1.3")
		}
	}
	t.Errorf("%s: stuck: %v", what, err)
}
