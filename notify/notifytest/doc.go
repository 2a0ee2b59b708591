// Package notifytest is the kit for [notify.Notifier]: it shows that a channel,
// ours or a vendor's, keeps every rule of the interface's documentation.
//
// A vendor brings a [Harness] that connects the channel to a receiver of the
// test's own and runs it in one line:
//
//	func TestPager(t *testing.T) {
//		notifytest.TestNotifier(t, notifytest.Harness{
//			Open: func(t testing.TB) notifytest.Setup {
//				r := startReceiver(t)
//				return notifytest.Setup{Notifier: pager.New(r.URL), Received: r.Received, Answer: r.Answer}
//			},
//			Abilities: notifytest.Abilities{Refuse: true, Fail: true},
//		})
//	}
//
// The kit never skips. What the receiver can be made to do is declared in
// [Abilities], and a declaration that does not hold, either way, fails.
//
// It secures nothing by itself and keeps nothing.
package notifytest
