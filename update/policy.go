package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Policy is what the owner of the device chooses; it can stand in the settings type
// of package config.
type Policy struct {
	// Automatic installs what a check finds, as far as the gates allow.
	Automatic bool `json:"automatic" setting:"doc=Install new releases without being asked; default=false"`
	// CheckEvery is the time between two checks; 0 is never.
	CheckEvery time.Duration `json:"checkEvery" setting:"doc=Time between two looks for new releases, 0s for never; default=24h; min=0s; max=720h"`
	// TrialHealthy is how long a release on trial must be healthy without a break before
	// it is confirmed; 0 is 1 minute.
	TrialHealthy time.Duration `json:"trialHealthy" setting:"doc=How long a new release must be healthy before it is kept; default=1m; min=0s; max=24h"`
	// TrialLimit is how long a trial may last; what is not confirmed then is rolled back. 0
	// is 30 minutes.
	TrialLimit time.Duration `json:"trialLimit" setting:"doc=When a new release is given up that was not healthy; default=30m; min=0s; max=168h"`
}

const month = 720 * time.Hour

func (p *Policy) check() error {
	or(&p.TrialHealthy, time.Minute)
	or(&p.TrialLimit, 30*time.Minute)
	switch {
	case p.CheckEvery < 0 || p.CheckEvery > month || p.CheckEvery > 0 && p.CheckEvery < time.Minute:
		return errors.New("policy: checkEvery is 0, or 1 minute to 30 days")
	case p.TrialHealthy < 0 || p.TrialLimit < p.TrialHealthy || p.TrialLimit > month:
		return errors.New("policy: trialLimit is trialHealthy to 30 days")
	}
	return nil
}

// minTrial is the shortest trial that can be configured: one that is over before anything
// was seen of the release is none.
const minTrial = time.Second

// installs reports whether p installs without being asked.
func (p *Policy) installs() bool { return p.Automatic && p.CheckEvery > 0 }

// Configure replaces the policy, which is not kept: package config keeps settings
// and applies them at each start. Who changes anything of it needs [access.UpdatePolicy]
// beside the right to change the setting, and [access.UpdateInstall] too if the device
// then installs by itself; a ctx without entity is the program itself, at its start. A
// trial is 1 second at least; only [Options] may have a shorter one.
func (u *Updater) Configure(ctx context.Context, p Policy) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("update: configure: %w: %w", err, fs.ErrInvalid)
	}
	if p == u.currentPolicy() {
		return nil
	}
	if p.TrialHealthy < minTrial {
		return fmt.Errorf("update: configure: policy: trialHealthy is 1 second or more: %w", fs.ErrInvalid)
	}
	if err := u.mayConfigure(ctx, &p); err != nil {
		return fmt.Errorf("update: configure: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.policy = p
	return nil
}

func (u *Updater) mayConfigure(ctx context.Context, p *Policy) error {
	if access.FromContext(ctx) == nil {
		return nil
	}
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdatePolicy, resource); err != nil || !p.installs() {
		return err
	}
	_, err := access.Check(ctx, u.parts.Guard, access.UpdateInstall, resource)
	return err
}

func (u *Updater) currentPolicy() Policy {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.policy
}
