# Each target does its own set-up, with only Python >= 3.11, make and git on the machine.
PYTHON ?= python3
CRM ?= salesforce
BIN := .venv/bin

.PHONY: setup help demo test check bench laws interop ui docs lock clean

setup: .venv/installed ## make .venv from the lock file; the targets that need it do so by themselves

# A target's line in this list is the text behind its `##`.
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The lock file is complete, hence --no-deps: older pips stumble over extras in hash-checking mode.
# Anew whenever the lock file or the project's own metadata change.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# make demo CRM=veeva: a Veeva org instead of a Salesforce one; make ui CRM=veeva likewise.
demo: setup ## play the sync on sandboxes of both systems (CRM=veeva: a Veeva org)
	$(BIN)/sync-pipeline demo --crm $(CRM)

test: setup ## run the tests; of large matrices a third of the cases
	MATRIX_ONE_IN=3 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: setup ## check format, lint, types, import rules and generated docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m sync_pipeline.docs_pages --check

bench: setup ## measure speed and memory, and run the slow tests; minutes
	$(BIN)/python -m benchmarks
	$(BIN)/python -m pytest -q -m bench --timeout=0
	REAL_LAKE=1 $(BIN)/python -m pytest -q -n auto --dist loadfile --timeout=0 sync_pipeline_tests/sync

# Long runs of random events, another each time, and all cases of the matrices: some hours.
LAWS ?= 2000
laws: setup ## run long random courses and all cases of the matrices; hours (LAWS=2000 is the number of examples)
	$(BIN)/python -m pytest -q -n auto --dist loadfile --timeout=0 -m matrix
	LAWS_EXAMPLES=$(LAWS) LAWS_EVENTS=50 SYNC_PIPELINE_COURSES=100 $(BIN)/python -m pytest -q -n auto --dist load \
		--timeout=0 -k "laws or state_machine"

# Clients that nobody here wrote, each in an environment of its own below data/interop.
interop: setup ## let independent clients read and write the sandboxes
	$(BIN)/python -m interop

ui: setup ## start Dagster, with sandboxes unless .env names systems (CRM=veeva: a Veeva org)
	$(BIN)/sync-pipeline ui

docs: setup ## write the generated pages of docs/ anew
	$(BIN)/python -m sync_pipeline.docs_pages

# Needs uv; the lock holds for Python 3.11 to 3.13.
lock: ## resolve requirements.lock anew; needs uv
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group dev \
		pyproject.toml -o requirements.lock

clean: ## remove .venv and build files
	rm -rf .venv build *.egg-info
