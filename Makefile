# The only entrance. `make help` lists the targets.
#
# Everything that is made lands in target/. `make demo` and `make test` install and build what they need by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

export CLOISTER_EVIDENCE ?= $(abspath ../shared/evidence)
# Programs that were unpacked without root are found through this file.
ENV := [ ! -f target/deps/env ] || . target/deps/env;
CARGO := cargo --locked

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: measure ## boot the image, ask through relay and gateway, show the proof, then one tampering and its refusal
	@$(ENV) sim/demo

.PHONY: test
test: measure probe foreign ## run every test that needs no confidential hardware, real boots included
	@[ -d "$$CLOISTER_EVIDENCE" ] || echo '*** NO EVIDENCE FOLDER ($(CLOISTER_EVIDENCE)): tests on real hardware evidence are SKIPPED. Set CLOISTER_EVIDENCE. ***' >&2
	@$(ENV) set -o pipefail; mkdir -p target; status=0; \
	cargo --locked test --workspace --no-fail-fast -- --show-output 2>&1 | tee target/test.log | .ci/quiet || status=$$?; \
	.ci/count target/test.log && exit $$status

.PHONY: lint
lint: ## formatting, clippy with warnings denied, documentation, dependency rules
	cargo fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items
	$(CARGO) check -p cloister-bind -p cloister-wire -p cloister-verify -p cloister-digest --lib --target wasm32-unknown-unknown
	.ci/deny check bans licenses sources

.PHONY: advisories
advisories: ## ask the advisory database about every dependency (needs the network)
	.ci/deny check advisories

.PHONY: fuzz
fuzz: ## fuzz every decoder, or one, on one core: make fuzz TIME=600 TARGET=name
	nice -n 15 fuzz/run $(or $(TIME),60) $(TARGET)

.PHONY: bench
bench: weights measure ## measure: sealing, verification, summarising, ratios beside peers; and boots, median of ten
	$(CARGO) bench -p cloister-seal -p cloister-verify -p cloister-model --features cloister-verify/graviola
	@$(ENV) image/boot-bench

.PHONY: image
image: deps weights ## build kernel, initramfs, weights volume: both flavours, under target/image
	@$(ENV) image/make

.PHONY: firmware
firmware: deps ## build our own SNP firmware from Debian's edk2 source, reproducibly
	@$(ENV) image/make firmware

.PHONY: image-twice
image-twice: deps weights ## make the image twice, in two very different environments, and compare the bytes (20 minutes; root or sudo)
	@$(ENV) image/twice

.PHONY: probe
probe: image ## build the image that only tests boot: it tries what must not work
	@$(ENV) image/make probe

.PHONY: measure
measure: image tools ## compute the launch digests of the image and write the release files
	@$(ENV) measurements/measure

.PHONY: audit
audit: deps $(if $(findstring --no-rebuild,$(ARGS)),measure) ## audit this checkout, JSON in target/audit.json: make audit ARGS='--live HOST:PORT'
	$(CARGO) build --quiet -p cloister-audit -p cloister-client
	@$(ENV) measurements/audit/foreign
	@$(ENV) $${CARGO_TARGET_DIR:-target}/debug/cloister-audit --json target/audit.json $(ARGS)

.PHONY: weights
weights: deps ## fetch the weights named in model/weights.lock, by version and digest
	@model/fetch-weights

.PHONY: tools
tools: ## build the programs that run on the host: cloister, cloister-measure, cloister-sim
	$(CARGO) build --workspace --bins

.PHONY: foreign
foreign: deps ## the foreign implementation that sealing tests compare with, pinned by digest
	@$(ENV) .ci/foreign

.PHONY: deps
deps: ## install the programs that demo and tests run (apt, or unpacked under target/deps)
	@.ci/deps

.PHONY: clean
clean: ## remove everything that was made
	rm -rf target
