# Every command a person needs, from an empty machine with Python >= 3.11.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help dev test check bench chaos load lighthouse format words lock clean

help: ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Preparing $(VENV) from requirements.lock (once; about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

dev: $(READY) ## start the sandbox and the portal with demo data, and print who can sign in
	@$(BIN)/portal dev

test: $(READY) ## install what the tests need (the browser too) and run them all
	@$(BIN)/python -m tests.browser.install
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: $(READY) ## format, lint, types, then every test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

bench: $(READY) ## the benchmarks
	@$(BIN)/python -m tests.bench

chaos: $(READY) ## faults and kills at random for three minutes, written to docs/chaos.md
	@$(BIN)/python -m tests.chaos

load: $(READY) ## 200 clients at once for a minute, and memory, written to docs/load.md
	@$(BIN)/python -m tests.load

lighthouse: $(READY) ## what Lighthouse says of the pages (needs npm), written to docs/lighthouse.md
	@npm ci --silent --no-audit --no-fund --prefix tests/lighthouse
	@$(BIN)/python -m tests.lighthouse

format: $(READY) ## rewrite the code in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

words: $(READY) ## collect the interface's words into portal/locale/messages.pot
	@$(BIN)/python -m tests.catalogue

lock: ## resolve the dependencies anew into requirements*.lock (needs uv)
	@uv pip compile --quiet pyproject.toml --extra sandbox --extra redis --extra telemetry --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --output-file requirements.lock
	@uv pip compile --quiet pyproject.toml --extra redis --extra telemetry --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --constraints requirements.lock --output-file requirements-serve.lock

clean: ## remove the environment and the local data
	@rm -rf $(VENV) .portal .mypy_cache .ruff_cache .pytest_cache
