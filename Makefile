# One build configuration for everything (see docs/adr/0006-one-build-configuration.md): release code that tests
# may look into. What the tests exercised is what the demo runs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CONFIGURATION := -c release
YIJIAN := .build/release/yijian
PYTHON := .venv/bin/python

ARGS ?=
LINES ?= 1M,10M
ROUNDS ?= 5
TIME ?= 20
PARSER ?=
SEEDS ?= 200
SEED ?= 1

.PHONY: help
help: ## Print this help
	@echo 'Yijian 医鉴: supervision of a medical-insurance fund'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Variables: ARGS="--once" (demo), LINES=1M,10M ROUNDS=5 (bench), TIME=20 PARSER=csv (fuzz), SEEDS=200 SEED=1 (differential)'

.PHONY: setup
setup: ## Install the Debian packages the build needs (quick when they are there)
	@Scripts/setup

.PHONY: build
build: setup ## Build the command yijian
	swift build $(CONFIGURATION) --product yijian

.PHONY: demo
demo: build ## Make a city-year, audit it, show what was found (ARGS=--once exits afterwards)
	$(YIJIAN) demo $(ARGS)

.PHONY: test
test: setup ## A real service by its scripts (connect, abuse, disk, proxy), then every test
	@Scripts/python-tools || echo 'Tests that compare with pyarrow, Polars and DuckDB will say "skipped".'
	@Scripts/postgres-tools || echo 'Tests of the store run on SQLite alone.'
	@Scripts/proxy-tools || echo 'TLS by a proxy will say "skipped".'
	swift build $(CONFIGURATION) --build-tests
	@Scripts/golden
	@Scripts/connect
	@Scripts/abuse
	@Scripts/disk --quick
	@Scripts/proxy
	@Scripts/units
	@Scripts/package --try
	@Scripts/fuzz $(TIME)
	swift test $(CONFIGURATION) --disable-xctest --skip-build

.PHONY: differential
differential: setup ## Compare engine and reference on SEEDS random worlds from SEED on (a long campaign)
	YIJIAN_SEEDS=$(SEEDS) YIJIAN_SEED=$(SEED) swift test $(CONFIGURATION) --disable-xctest --filter DifferentialTests

.PHONY: check
check: setup ## Check format, wording, module arrows and generated pages
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources/yijian-fuzz
	@Scripts/check-words
	@Scripts/check-arrows
	@Scripts/check-links
	swift test $(CONFIGURATION) --disable-xctest --filter Generated

.PHONY: golden
golden: setup ## Rewrite expectations and generated pages; read the diff as carefully as code
	YIJIAN_GOLDEN=rewrite swift test $(CONFIGURATION) --disable-xctest --filter 'Golden|Generated'
	@git --no-pager diff --stat || true

.PHONY: picture
picture: build ## Redraw the README's pictures from a real run of the demo
	@Scripts/pictures $(YIJIAN)

.PHONY: bench
bench: build ## Compare with DuckDB on the 30 rules at 1 M and 10 M lines, bars at the end
	@Scripts/python-tools
	$(PYTHON) Benchmarks/bench.py --lines $(LINES) --rounds $(ROUNDS) $(ARGS)

.PHONY: bench-large
bench-large: build ## Memory and growth at 50 M lines (needs 12 GB of disk and half an hour)
	@Scripts/python-tools
	$(PYTHON) Benchmarks/bench.py --large --rounds 3 $(ARGS)

.PHONY: bench-online
bench-online: build ## The point-of-care service under load, bars at the end (ARGS="--seconds 30", kept with --result FILE)
	@Scripts/python-tools
	$(PYTHON) Benchmarks/online/online.py $(ARGS)

.PHONY: soak
soak: build ## An hour at 500 requests a second: flat memory and descriptors (about 50 GB of journal; look at the disk first)
	@Scripts/python-tools
	$(PYTHON) Benchmarks/online/online.py --soak 3600 $(ARGS)

.PHONY: connect
connect: build ## Run docs/connect.md and the example clients against a real service; kill it, change its rules
	@Scripts/connect

.PHONY: disk
disk: build ## A service whose disk is full, and whose journal's system calls fail under strace
	@Scripts/disk

.PHONY: proxy
proxy: build ## TLS by a real nginx and Caddy with the files of deploy/, and what systemd says of its units
	@Scripts/proxy-tools || echo 'What is not here will say "skipped".'
	@Scripts/proxy
	@Scripts/units

.PHONY: api
api: build ## Run the commands of docs/api.md against a real service, then schemathesis (ARGS="--examples 50 --result FILE")
	@Scripts/api $(ARGS)

.PHONY: package
package: build ## A Debian package that needs no compiler where it is installed, and the context of deploy/Containerfile
	@Scripts/package

.PHONY: abuse
abuse: build ## Slow, oversized, smuggled and broken requests against a real service
	@Scripts/abuse
	@Scripts/disk --quick

.PHONY: fuzz
fuzz: setup ## Fuzz each parser for TIME seconds (PARSER=name for one of them)
	@Scripts/fuzz $(TIME) $(PARSER)

.PHONY: fuzz-long
fuzz-long: ## A campaign: an hour for each parser
	@$(MAKE) fuzz TIME=3600

.PHONY: campaign
campaign: setup ## Killed writers, attacks on the ledger, starts with a large journal, ten minutes of fuzzing a parser: two hours, results are kept
	swift build $(CONFIGURATION) --product yijian-trials
	Scripts/campaign
	Scripts/fuzz 600

.PHONY: bench-store
bench-store: setup ## 100,000 matters of 20 acts on SQLite and PostgreSQL: lists and steps, bar 100 ms, kept in Benchmarks/Results
	@Scripts/postgres-tools
	swift build $(CONFIGURATION) --product yijian-trials
	Scripts/bench-store

.PHONY: clean
clean: ## Remove build products and benchmark data
	rm -rf .build .build-fuzz .data
