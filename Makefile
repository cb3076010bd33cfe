# `make demo` and `make test` need a Python from 3.11 to 3.13 and make; everything else is installed into .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
# Most tests wait, for servers and processes of their own: three at a time keep two cores busy.
IN_GROUPS := -n 3 --dist loadscope --no-loadscope-reorder

.PHONY: install demo bench test test-fast test-proof check format lock clean help

help:            ## show these lines
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

install: $(INSTALLED)  ## build .venv with the `ooo` command in it

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; found none (set PYTHON=/path/to/python)"; exit 1; }
	$(PYTHON) -m venv .venv
	@# The lock is whole, so nothing is left to resolve: older pips stumble over an extra of a pinned package.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# Without bytecode every start compiles a thousand modules anew, where Python may not write it as it goes.
	$(BIN)/python -m compileall -q calcom landing transforms warehouse flows
	@# pip would compile on one core. A package's file that this Python can't compile is no failure.
	-@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null
	@touch $@

demo: install    ## run the pipeline end to end on an invented organization
	$(BIN)/ooo demo

bench: install   ## measure sync against dlt and bare scripts (an hour; installs dlt under benchmarks/)
	$(BIN)/python benchmarks/run.py

test: install    ## the whole suite
	$(BIN)/python -m pytest $(IN_GROUPS)

test-fast: install  ## the suite without real processes, kills and Prefect servers
	$(BIN)/python -m pytest -m "not slow"

test-proof: install  ## the proof's properties over more than ten thousand interleavings
	OOO_HYPOTHESIS_PROFILE=full $(BIN)/python -m pytest -n 2 tests/properties/test_scan.py tests/properties/test_snapshot.py

check: install   ## style, types, the direction of imports, the documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/docs

format: install  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:            ## resolve pyproject.toml into requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean:           ## remove what was installed and made
	rm -rf .venv data .pytest_cache .mypy_cache .ruff_cache .hypothesis
