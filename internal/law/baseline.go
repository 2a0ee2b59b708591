package law

// Baseline gives the table of this module: section 2 of docs/design.md in code.
// A package that has no row breaks the law until someone lists it here and says
// on which floor it stands.
func Baseline() *Table {
	return &Table{
		Rules:       rules,
		Vendor:      vendorInterfaces,
		TestModules: []string{"github.com/stretchr/testify"},
		Gate:        "access/gate",
		Writer:      "durable",
	}
}

const (
	xcrypto = "golang.org/x/crypto"
	xsys    = "golang.org/x/sys"
	xtext   = "golang.org/x/text"
)

// tufModules are what go-tuf v2 links; the last ones come with sigstore's signature
// package (docs/design.md, section 2).
var tufModules = []string{
	"github.com/theupdateframework/go-tuf/v2",
	"github.com/secure-systems-lab/go-securesystemslib", "github.com/sigstore/sigstore", "github.com/sigstore/protobuf-specs",
	"github.com/google/go-containerregistry", "github.com/opencontainers/go-digest", "github.com/letsencrypt/boulder",
	"github.com/cenkalti/backoff/v5", "google.golang.org/protobuf", "google.golang.org/genproto/googleapis/api",
	xcrypto, xsys, "golang.org/x/term",
}

var network = []string{"net", "net/http", "crypto/tls"}

var rules = []Rule{
	{Path: "internal/strictjson", Floor: Support},

	{Path: "clause", Floor: Floor0},
	{Path: "clause/catalogue", Floor: Floor0},
	{Path: "durable", Floor: Floor0},
	{Path: "receipt", Floor: Floor0},

	{Path: "access", Floor: Floor1a},
	{Path: "notify", Floor: Floor1b},

	// x/crypto's argon2 asks x/sys for what the processor can do.
	{Path: "access/password", Floor: Floor1c, Modules: []string{xcrypto, xsys}},
	{Path: "access/login", Floor: Floor1c, Std: []string{"net", "crypto/tls"}, Modules: []string{xcrypto, xsys, xtext}},
	{Path: "access/gate", Floor: Floor1c, Std: []string{"net", "crypto/tls"}},
	{Path: "access/web", Floor: Floor1c, Std: []string{"net", "net/http", "crypto/tls"}},
	{Path: "access/identity", Floor: Floor1c, Std: []string{"net"}},
	{Path: "notify/statuspage", Floor: Floor1c, Std: []string{"net", "net/http", "crypto/tls"}},

	{Path: "protect", Floor: Floor2},
	{Path: "protect/eventlog", Floor: Floor2, Modules: []string{"golang.org/x/mod"}},
	{Path: "protect/integrity", Floor: Floor2},
	{Path: "protect/recovery", Floor: Floor2},
	{Path: "protect/transport", Floor: Floor2, Std: []string{"net", "crypto/tls"}},
	{Path: "config", Floor: Floor2},
	{Path: "config/pattern", Floor: Floor2},
	{Path: "config/bundle", Floor: Floor2},
	{Path: "erase", Floor: Floor2, Modules: []string{xsys}},
	{Path: "reset", Floor: Floor2},
	{Path: "update", Floor: Floor2},
	{Path: "update/segment", Floor: Floor2, Modules: []string{"github.com/klauspost/compress"}},
	{Path: "update/publish", Floor: Floor2, Modules: tufModules},
	{Path: "risk", Floor: Floor2},

	{Path: ".", Floor: Floor3a, Own: []string{"risk"}},
	{Path: "disclosure", Floor: Floor3b, Own: []string{"."}},
	{Path: "httpapi", Floor: Floor3b, Own: []string{"."}, Std: []string{"net", "net/http", "crypto/tls"}},

	// Each backend gets its row when it comes: its one module is a decision.
	{Path: "backends/softkeys", Floor: Backend},
	{Path: "backends/softkeys/signing", Floor: Backend, Own: []string{"backends/softkeys"}},
	{Path: "backends/tpm", Floor: Backend, Modules: []string{"github.com/google/go-tpm", xsys}},
	{Path: "backends/openpgp", Floor: Backend, Modules: []string{"github.com/ProtonMail/go-crypto", "github.com/cloudflare/circl", xcrypto, xsys}},
	{Path: "backends/tuf", Floor: Backend, Modules: tufModules},
	{Path: "backends/httpsource", Floor: Backend, Std: []string{"net", "net/http", "crypto/tls"}},
	{Path: "backends/abslot", Floor: Backend},
	{Path: "backends/uboot", Floor: Backend},

	{Path: "durable/powercut", Floor: Kit},
	{Path: "protect/protecttest", Floor: Kit, Own: []string{"durable/powercut"}},
	{Path: "config/configtest", Floor: Kit, Own: []string{"durable/powercut"}},
	{Path: "notify/notifytest", Floor: Kit, Own: []string{"durable/powercut"}},
	{Path: "update/updatetest", Floor: Kit, Own: []string{"durable/powercut"}},
	{Path: "erase/erasetest", Floor: Kit, Own: []string{"durable/powercut"}},
	{Path: "baselinetest", Floor: Kit, Own: []string{".", "risk"}},

	{Path: "examples/*", Floor: Example, Own: []string{"."}},
	// A device connects to its TPM by go-tpm: the kernel's device, or the socket of a program.
	{Path: "examples/gateway", Floor: Example, Own: []string{".", "examples/bench"}, Std: network, Modules: []string{"github.com/google/go-tpm", xsys}},
	{Path: "examples/bench", Floor: Example, Std: network},
	{Path: "examples/vendor", Floor: Example, Own: []string{"examples/bench"}},

	{Path: "clause/internal/gen", Floor: Tool},
	{Path: "clause/internal/gen/emit", Floor: Tool},
	{Path: "internal/apilist", Floor: Tool},
	{Path: "internal/check", Floor: Tool},
	{Path: "internal/coverage", Floor: Tool, Own: []string{"."}},
	{Path: "internal/law", Floor: Tool},
}

// vendorInterfaces are written by vendors and backends, who import the package
// anyway. What is not listed here is for other capabilities, which must not.
var vendorInterfaces = []string{
	"protect.KeyStore",    // Info
	"protect.SigningKeys", // Algorithm, Signer
	"update.Trust",        // Target
	"update.Installer",    // Component, Installed, Sink
	"update.Baser",        // Component, Digest
	"update.Bootloader",   // SlotState
	"update.Gate",         // Phase, Release, Verdict
}
