# `make demo` and `make test` need a Python from 3.11 to 3.13 and make; everything else is installed into .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# The runtime alone, and with the tools for development.
INSTALLED := .venv/.installed
DEVELOPMENT := .venv/.installed-dev
# A lock file is whole, so that nothing is left to resolve. Without --no-deps, older pips fail for extras of pinned packages.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps
PYTEST := $(BIN)/python -m pytest
# Each process takes one module after the other. Most tests wait for servers and processes of their own: three
# processes keep two cores busy, and four those of the slow tests, which wait longer.
BY_MODULE := --dist loadscope --no-loadscope-reorder
PACKAGES := calcom landing transforms warehouse flows

.PHONY: help install install-dev demo quick check lint types imports spelling sql page documents format docs lock clean \
	check-page test-quick test test-fast test-slow test-unit test-spec test-contract test-properties test-integration \
	test-browser test-docs test-proof test-fuzz test-figures test-mutations coverage bench bench-core

help:            ## show these lines
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

# ---- installation

install: $(INSTALLED)  ## build .venv with the `ooo` command, without the tools for development

install-dev: $(DEVELOPMENT)  ## add the tools that the tests and checks need

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; found none (set PYTHON=/path/to/python)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP_INSTALL) --require-hashes -r requirements.lock
	$(PIP_INSTALL) --no-build-isolation -e .
	@# Without bytecode, every start compiles a thousand modules, if Python may not store the result.
	$(BIN)/python -m compileall -q $(PACKAGES)
	@# pip compiles on one core. A package may contain a file that this Python cannot compile, which is no failure.
	-@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null
	@touch $@

$(DEVELOPMENT): $(INSTALLED) requirements-dev.lock
	$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	-@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null
	@touch $@

demo: install    ## run the pipeline end to end on an invented organization
	$(BIN)/ooo demo

# ---- checks

quick: install-dev  ## lint, types, unit tests and specifications, in half a minute
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going lint types test-quick

test-quick: install-dev
	$(PYTEST) --quiet -n 2 tests/unit tests/spec

check: lint types imports spelling sql page documents  ## all checks of code, SQL, language and documents

lint: install-dev  ## style of the Python code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev  ## types of the packages
	$(BIN)/mypy

imports: install-dev  ## direction of the imports between packages
	$(BIN)/lint-imports

spelling: install-dev  ## misspelled words
	$(BIN)/codespell

sql: install-dev  ## style of the SQL statements
	$(BIN)/sqruff lint --parsing-errors warehouse

page:            ## style of the report page; does nothing without npm
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-page; \
	else echo "npm is missing, so that flows/report/assets was not checked"; fi

check-page: node_modules/.package-lock.json
	node_modules/.bin/biome check --error-on-warnings

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --silent
	@touch $@

documents: install-dev  ## prose, links, generated documents and help texts
	$(PYTEST) --quiet -m "not slow" tests/docs

# ---- tests

test: install-dev  ## the whole suite
	$(PYTEST) -n 3 $(BY_MODULE)

test-fast: install-dev  ## the suite without real processes, kills and Prefect servers
	$(PYTEST) -n 3 $(BY_MODULE) -m "not slow"

test-slow: install-dev  ## the rest of the suite: real processes, kills and Prefect servers
	$(PYTEST) -n 4 $(BY_MODULE) -m slow

test-unit: install-dev  ## unit tests
	$(PYTEST) tests/unit

test-spec: install-dev  ## the specifications of the transforms and measures
	$(PYTEST) tests/spec

test-contract: install-dev  ## client and simulator against the contract and the recorded responses
	$(PYTEST) -n 2 tests/contract

test-properties: install-dev  ## property tests over generated input
	$(PYTEST) -n 2 tests/properties

test-integration: install-dev  ## real processes, kills, servers and Prefect
	$(PYTEST) -n 3 $(BY_MODULE) tests/integration

test-browser: install-dev node_modules/.package-lock.json  ## the report page in a real browser; needs Chromium
	OOO_TEST_BROWSER=1 $(PYTEST) tests/browser

test-docs: install-dev  ## the documents against the program
	$(PYTEST) -n 2 tests/docs

test-proof: install-dev  ## the properties of the proof over more than ten thousand interleavings
	OOO_HYPOTHESIS_PROFILE=full $(PYTEST) -n 2 tests/properties/test_scan.py tests/properties/test_snapshot.py

test-fuzz: install-dev  ## more than ten thousand hostile responses, settings, fleet files and commands
	OOO_HYPOTHESIS_PROFILE=full $(PYTEST) -n 2 tests/properties/test_fuzz.py tests/properties/test_fuzz_commands.py

test-figures: install-dev  ## every table and macro of thousands of generated organizations against a second engine
	OOO_HYPOTHESIS_PROFILE=full $(PYTEST) -n 2 tests/properties/test_marts.py

test-mutations: install-dev  ## faults in the pure core and the SQL that no test detects; MUTATIONS="--only paging"
	nice $(BIN)/python -m tests.mutation.run $(MUTATIONS)

coverage: install-dev  ## the fast suite with the coverage of each file, and the minimum that must be reached
	$(PYTEST) -n 3 $(BY_MODULE) -m "not slow" --cov --cov-report=term:skip-covered --cov-report=html

bench: install-dev  ## measure sync against dlt and bare scripts (an hour; installs dlt under benchmarks/)
	$(BIN)/python benchmarks/run.py

bench-core: install-dev  ## measure the core paths in a minute; BENCH= adds options of pytest-benchmark
	$(PYTEST) --quiet -p pytest_benchmark.plugin benchmarks/bench_core.py --benchmark-max-time=1 \
		--benchmark-min-rounds=5 --benchmark-columns=min,median,rounds $(BENCH)

# ---- files that are written by programs

format: install-dev  ## put the Python code, the report page and the Markdown into their form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tests.support.prose --fix
	if command -v npm >/dev/null; then npx --no-install biome check --write; fi

docs: install-dev  ## write the generated documents, and build all of them as a site in site/
	$(BIN)/python docs/build.py
	$(BIN)/python docs/answers.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# The development set is resolved first, and the runtime set with its versions.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet

lock:            ## resolve pyproject.toml into the lock files (needs uv); LOCK_FLAGS= keeps the versions
	$(LOCK) --all-extras --group dev $(LOCK_FLAGS) -o requirements-dev.lock
	$(LOCK) --group build -c requirements-dev.lock $(LOCK_FLAGS) -o requirements.lock

LOCK_FLAGS ?= --upgrade

clean:           ## remove installed and generated files
	rm -rf .venv node_modules data site .pytest_cache .mypy_cache .ruff_cache .hypothesis .nox .coverage htmlcov
