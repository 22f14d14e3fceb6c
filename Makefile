# Each target does its own set-up, with only Python >= 3.11, make and git on the machine.
PYTHON ?= python3
CRM ?= salesforce
BIN := .venv/bin

.PHONY: setup demo test check bench laws interop ui docs lock clean

setup: .venv/installed

# The lock file is complete, hence --no-deps: older pips stumble over extras in hash-checking mode.
# Anew whenever the lock file or the project's own metadata change.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# make demo CRM=veeva: a Veeva org instead of a Salesforce one; make ui CRM=veeva likewise.
demo: setup
	$(BIN)/sync-pipeline demo --crm $(CRM)

test: setup
	MATRIX_ONE_IN=3 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m sync_pipeline.docs_pages --check

bench: setup
	$(BIN)/python -m benchmarks
	$(BIN)/python -m pytest -q -m bench --timeout=0
	REAL_LAKE=1 $(BIN)/python -m pytest -q -n auto --dist loadfile --timeout=0 sync_pipeline_tests/sync

# Long runs of random events, another each time, and all cases of the matrices: some hours.
LAWS ?= 2000
laws: setup
	$(BIN)/python -m pytest -q -n auto --dist loadfile --timeout=0 -m matrix
	LAWS_EXAMPLES=$(LAWS) LAWS_EVENTS=50 SYNC_PIPELINE_COURSES=100 $(BIN)/python -m pytest -q -n auto --dist load \
		--timeout=0 -k "laws or state_machine"

# Clients that nobody here wrote, each in an environment of its own below data/interop.
interop: setup
	$(BIN)/python -m interop

ui: setup
	$(BIN)/sync-pipeline ui

docs: setup
	$(BIN)/python -m sync_pipeline.docs_pages

# Needs uv; the lock holds for Python 3.11 to 3.13.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group dev \
		pyproject.toml -o requirements.lock

clean:
	rm -rf .venv build *.egg-info
