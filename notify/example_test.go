package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

func Example() {
	center, err := notify.Open(context.Background(), newDir(), guard(), nil)
	if err != nil {
		panic(err)
	}
	part, owner := as("part"), as("owner")
	n := notify.Notice{Type: "update.available", Severity: notify.Info, Audience: notify.Owner, Title: "Release 2.1 is available"}
	for range 3 {
		if _, err := center.Raise(part, n); err != nil {
			panic(err)
		}
	}
	_, err = center.Raise(owner, n)
	fmt.Println("owner may raise:", !errors.Is(err, access.ErrDenied))

	news, err := center.Wait(owner, 0, notify.Filter{Audience: notify.Owner})
	if err != nil {
		panic(err)
	}
	fmt.Println(news[0].Severity, news[0].Title, news[0].Count)
	fmt.Println(center.Acknowledge(owner, news[0].ID))
	// Output:
	// owner may raise: false
	// info Release 2.1 is available 3
	// <nil>
}

// A grant names an area of types: "update/*" is "update.available" and the like.
func ExampleCenter_Raise() {
	ctx := context.Background()
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "updater"}},
		Grants: []access.Grant{{Role: "updater", Permission: access.NotifyRaise, Resources: []string{"update/*"}}},
	}, nil)
	if err != nil {
		panic(err)
	}
	guard, err := access.OpenGuard(ctx, newDir(), policy, &access.GuardOptions{Services: map[string][]string{"update": {"updater"}}})
	if err != nil {
		panic(err)
	}
	center, err := notify.Open(ctx, newDir(), guard, nil)
	if err != nil {
		panic(err)
	}
	ctx, err = access.AsService(ctx, guard.Issuer("service"), "update")
	if err != nil {
		panic(err)
	}
	for _, typ := range []string{"update.available", "update.installed", "protect.tampered"} {
		_, err := center.Raise(ctx, notify.Notice{Type: typ, Severity: notify.Info, Audience: notify.Owner, Title: "News"})
		fmt.Println(typ, errors.Is(err, access.ErrDenied))
	}
	// Output:
	// update.available false
	// update.installed false
	// protect.tampered true
}

func ExampleNewWriter() {
	w := notify.NewWriter(os.Stdout, &notify.WriterOptions{Text: true})
	n := notify.Notice{
		Type: "protect.tampered", Severity: notify.Critical, Audience: notify.Owner,
		Title: "The case was opened", Text: "Look at the seal.\nThen acknowledge.",
		Last: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
	}
	if err := w.Notify(context.Background(), n); err != nil {
		panic(err)
	}
	n.Title = "\x1b[2J all is well"
	err := w.Notify(context.Background(), n)
	fmt.Println(err, notify.IsPermanent(err))
	// Output:
	// 2026-05-04T03:02:01Z critical protect.tampered title="The case was opened" text="Look at the seal.\nThen acknowledge."
	// notify: write: notify: /title: is 1 to 200 bytes of printable UTF-8 on one line true
}

func ExampleParseNotice() {
	n, err := notify.ParseNotice([]byte(`{"type":"battery.low","severity":"warning","audience":"user","title":"12 % left","expires":"24h0m0s"}`))
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(n)
	fmt.Println(string(text), err)
	_, err = notify.ParseNotice([]byte(`{"type":"battery.low","Severity":"warning"}`))
	fmt.Println(err)
	// Output:
	// {"type":"battery.low","severity":"warning","audience":"user","title":"12 % left","expires":"24h0m0s"} <nil>
	// notify: /Severity: unknown field
}

func ExampleClean() {
	fmt.Println(notify.Clean("sensor\x1b[31m\nkitchen", notify.MaxTitle))
	// Output: sensor?[31m?kitchen
}
