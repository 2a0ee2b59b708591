package disclosure

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// ErrVendor is wrapped by an error about the vendor's facts. It names the field.
var ErrVendor = errors.New("vendor's facts are not complete")

// Vendor is what only the vendor knows. Product, Model, Name, Contact and
// Support.Until are required.
type Vendor struct {
	Product string `json:"product"`
	Model   string `json:"model"`
	Name    string `json:"name"` // of the vendor
	// Contact takes reports of vulnerabilities by anybody: a mailto: or https: URL.
	Contact    string  `json:"contact"`
	Policy     string  `json:"policy,omitempty"`     // https: URL of the vulnerability policy
	Encryption string  `json:"encryption,omitempty"` // https: URL of a key for reports
	SBOM       string  `json:"sbom,omitempty"`       // https: URL of the list of components
	Support    Support `json:"support"`
	// Interfaces are the ways in and out, such as those of a gate.List.
	Interfaces []Interface `json:"interfaces,omitempty"`
	// Duties are what users must do to stay secure.
	Duties []string `json:"duties,omitempty"`
	// Erase and Reset tell how a person does it: which button, which page.
	Erase string `json:"erase,omitempty"`
	Reset string `json:"reset,omitempty"`
}

// Support is how long security updates come, and where changes of that are told.
type Support struct {
	From  string `json:"from,omitempty"` // day, "2026-01-31"
	Until string `json:"until"`          // day
	// Changes is an https: URL that tells whether the dates have changed.
	Changes string `json:"changes,omitempty"`
	Text    string `json:"text,omitempty"` // what is given, and what happens at the end
}

// Interface is a way in or out.
type Interface struct {
	Name    string `json:"name"`
	Where   string `json:"where"` // "tcp 8443 on the home network"
	Who     string `json:"who"`   // may use it, and by what they are known
	Purpose string `json:"purpose"`
}

// check wants what is required, and links that are links.
func (v *Vendor) check() error {
	for _, f := range []struct{ name, value string }{
		{"Product", v.Product}, {"Model", v.Model}, {"Name", v.Name}, {"Contact", v.Contact}, {"Support.Until", v.Support.Until},
	} {
		if clean(f.value) == "" {
			return fmt.Errorf("disclosure: %s is required: %w", f.name, ErrVendor)
		}
	}
	for _, f := range []struct{ name, value string }{
		{"Policy", v.Policy}, {"Encryption", v.Encryption}, {"SBOM", v.SBOM}, {"Support.Changes", v.Support.Changes},
	} {
		if f.value != "" && !secureURL(f.value) {
			return fmt.Errorf("disclosure: %s is no https: URL: %w", f.name, ErrVendor)
		}
	}
	if !secureURL(v.Contact) && !mailURL(v.Contact) {
		return fmt.Errorf("disclosure: Contact is no mailto: or https: URL: %w", ErrVendor)
	}
	return v.Support.check()
}

func (s *Support) check() error {
	until, err := time.Parse(time.DateOnly, s.Until)
	if err != nil {
		return fmt.Errorf("disclosure: Support.Until is no day such as 2031-12-31: %w", ErrVendor)
	}
	if s.From == "" {
		return nil
	}
	from, err := time.Parse(time.DateOnly, s.From)
	if err != nil || until.Before(from) {
		return fmt.Errorf("disclosure: Support.From is no day before Support.Until: %w", ErrVendor)
	}
	return nil
}

// urlBytes are those of RFC 3986 that mean nothing in Markdown between < and >, nor,
// escaped, in HTML.
const urlBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#@!$&'()*+,;=%"

// addressBytes are those of a plain e-mail address.
const addressBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._+"

func urlText(s string) bool {
	return len(s) <= 500 && strings.Trim(s, urlBytes) == ""
}

func secureURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && urlText(s) && u.Scheme == "https" && u.Host != "" && u.User == nil
}

func mailURL(s string) bool {
	address, ok := strings.CutPrefix(s, "mailto:")
	if !ok || !urlText(s) {
		return false
	}
	local, host, ok := strings.Cut(address, "@")
	return ok && local != "" && host != "" && strings.Trim(local+host, addressBytes) == ""
}
