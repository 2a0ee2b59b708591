package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
)

// everywhere are all places in which something about a person is kept.
func (s *sensor) everywhere() inventory {
	return inventory{s.guard, s.orders, []place{s.vault.Subjects(), s.users.Subjects(), s.guard, s.notices}}
}

// inventory erases a person from each of its places. (Package erase will bring one
// that signs receipts.)
type inventory struct {
	guard  *access.Guard
	orders *access.Mandates
	places []place
}

type place interface {
	Name() string
	Erase(ctx context.Context, subject string) (method string, err error)
	Verify(ctx context.Context, subject string) error
}

// Features is that of the place which holds the data; the others hold what the
// device itself needs to know of a person.
func (inventory) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "sensor.erase-person", Clauses: []clause.ID{clause.C5_2_4_1_1, clause.C5_2_4_1_2}, Package: "example.com/sensor",
		Summary: "a person's data, password, roles and notices are erased, for who may",
	}}
}

// Erase asks once, and then works under a mandate: who erases himself is nobody any
// more when his password is gone, and a power cut does not end it half-way.
func (i inventory) Erase(ctx context.Context, subject string) (method string, err error) {
	if len(subject) > access.MaxID || subject == "" || strings.Contains(subject, "/") || !access.ValidResource(subject) {
		return "", errors.New("erase: the subject is no id") // of which an order could never be carried out
	}
	order, err := i.guard.NewMandate(ctx, access.MandateRequest{
		Acts: []access.Act{{Permission: access.EraseSubject, Resource: subject}}, Reason: "erasure of a person",
	})
	if err == nil {
		err = i.orders.Put(ctx, order)
	}
	if err != nil {
		return "", err
	}
	return i.carryOut(ctx, order)
}

// Resume finishes at the start what was ordered before.
func (i inventory) Resume(ctx context.Context) error {
	if err := i.guard.Health(ctx); err != nil {
		return err // it cannot tell whose orders count
	}
	orders, err := i.orders.List(ctx)
	for _, order := range orders {
		if _, failed := i.carryOut(ctx, order); !errors.Is(failed, access.ErrDenied) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// carryOut ends an order, unless a place fails. One of an earlier ownership is
// denied, for good.
func (i inventory) carryOut(ctx context.Context, order access.Mandate) (method string, err error) {
	may, err := i.guard.Resume(ctx, order)
	if err == nil {
		method, err = i.clear(may, order.Acts[0].Resource)
	}
	if err == nil || errors.Is(err, access.ErrDenied) {
		err = errors.Join(err, i.orders.Delete(ctx, order.ID))
	}
	return method, err
}

// clear answers with the method of the first place, which holds the user data; the
// others are asked whatever fails.
func (i inventory) clear(ctx context.Context, subject string) (method string, err error) {
	for n, place := range i.places {
		m, failed := place.Erase(ctx, subject)
		if failed == nil {
			failed = place.Verify(ctx, subject)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", place.Name(), failed))
		}
		if n == 0 {
			method = m
		}
	}
	return method, err
}
