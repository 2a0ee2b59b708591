package access

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
)

// What an erasure is told. The stores below keep the rest.
const methodRemoved = "removed: old copies stay in the sealed store until its key is replaced"

// Name returns "assignments": what the guard keeps about persons, as the inventory
// of an erasure sees it. With Erase and Verify the guard has the shape of erase.Store.
// Mandates name who gave them, and are not part of it: they go when they are carried
// out, by [Mandates.Delete].
func (g *Guard) Name() string { return "assignments" }

// Erase removes the assignment of subject, the id of an entity, and ends its
// entities. The method tells what became of copies on the medium. It may be
// repeated, also after a power cut; a subject without assignment is no error. What
// [Guard.Unassign] says of the last who may assign holds here too.
//
// Who erases himself by his own entity is denied from then on, Verify included. An
// erasure of several places runs under a mandate instead ([Guard.NewMandate] on the
// subject, then [Guard.Resume]), which no place ends and a power cut does not lose.
//
// Permission: [EraseSubject] on the subject.
func (g *Guard) Erase(ctx context.Context, subject string) (method string, err error) {
	if !validID(subject) {
		return "", badInput("subject", "", ruleID)
	}
	by, err := Check(ctx, g, EraseSubject, subject)
	if err != nil {
		return "", err
	}
	removed := false
	err = g.change(ctx, "erase", func(r *record) error {
		if err := g.may(ctx, EraseSubject, subject); err != nil { // it may have ended meanwhile
			return err
		}
		n := len(r.Assignments)
		r.Assignments = slices.DeleteFunc(r.Assignments, func(a Assignment) bool { return a.ID == subject })
		removed = len(r.Assignments) != n
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotProvisioned) { // no record, no assignment
		return "", err
	}
	g.invalidate(subject)
	if removed {
		g.audit(ctx, EventUnassigned, by, slog.String(KeySubject, subject))
	}
	return methodRemoved, nil
}

// Verify reads the medium again. It is nil when no assignment of subject is there,
// [fs.ErrExist] when one is, and otherwise why that cannot be said.
//
// Permission: [EraseSubject] on the subject.
func (g *Guard) Verify(ctx context.Context, subject string) error {
	if !validID(subject) {
		return badInput("subject", "", ruleID)
	}
	if _, err := Check(ctx, g, EraseSubject, subject); err != nil {
		return err
	}
	rec, err := g.value.Load(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("access: verify erasure: %w", err)
	case slices.ContainsFunc(rec.Assignments, func(a Assignment) bool { return a.ID == subject }):
		return fmt.Errorf("access: verify erasure: the subject has an assignment: %w", fs.ErrExist)
	}
	return nil
}
