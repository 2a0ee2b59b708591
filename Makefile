# Every target is a way to look at the module; "make" lists them.
# The steps themselves are in internal/check, so that they read the same here, in
# CI and on a laptop.

GO    ?= go
CHECK := $(GO) run ./internal/check
LINT  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help
.PHONY: help check test bench fuzz cover docs lint cross qemu api shown tpmsim clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: build ## everything that must hold before a change lands (CI runs this)
	@$(CHECK)

test: ## all tests; installs what they need from Debian when it can
	@$(CHECK) tools
	CGO_ENABLED=0 $(GO) test -shuffle=on ./...
	@$(CHECK) outoftree

bench: ## benchmarks against the budgets of docs/design.md
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: build ## ten seconds of each fuzz target, with coverage to guide it
	@$(CHECK) -fuzz 10s

cover: build ## tests with the race detector, and coverage in build/cover.html
	@$(CHECK) test
	$(GO) tool cover -html=build/cover.out -o build/cover.html

docs: api build ## generated files: clause table, api/, docs/coverage.md
	$(GO) generate ./...
	rm -rf build/coverage
	$(GO) run ./internal/coverage -dir build/coverage > build/coverage.md
	cp build/coverage.md docs/coverage.md

lint: ## golangci-lint with .golangci.yml; building it takes minutes the first time
	$(GO) run $(LINT) run ./...

cross: ## builds for all architectures
	@$(CHECK) cross footprint

qemu: ## tests on arm and mipsle, emulated
	@$(CHECK) tools qemu

api: ## writes api/ anew after a wanted change of the API
	$(GO) test . -count=1 -run TestAPI -update

shown: ## what shows that the laws bite: laws, power cuts, broken media, examples
	$(GO) test . ./durable/... ./protect/... -count=1 -v -run 'TestImportLaw|TestOnlyDurableWrites|TestLawsCatch|TestBrokenStrategies|TestErasedImageStaysClosed|TestSoftkeysErasureIsHonest|TestForgedJournal'
	@$(CHECK) powercut faults deps footprint examples

tpmsim: ## the TPM backend on the simulator of go-tpm-tools; needs a C compiler and libssl-dev
	CGO_ENABLED=1 $(GO) test -tags tpmsim -count=1 ./backends/tpm

clean: ## removes what was built
	rm -rf build

build:
	@mkdir -p build
