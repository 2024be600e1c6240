# Everything a developer or CI runs. Paths are relative and programs are run as modules of the
# virtual environment's Python, so that the checkout may lie below a folder with a space.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PY := .venv/bin/python
LOCK := requirements/dev.txt
# A new lock file, or a checkout that was moved, gives a new name and so a new installation.
STAMP := .venv/installed-$(shell (pwd; cat pyproject.toml $(LOCK)) | cksum | cut -d ' ' -f 1)
PIP := $(PY) -m pip --disable-pip-version-check
# One cache per user: root and an ordinary user may take turns in one checkout.
CACHE := .cache/$(shell id -u)
TESTS := $(wildcard tests/unit tests/contract tests/integration)
CODE := $(wildcard daemon tests examples benchmarks packaging)
DIRECTORY ?= .run

export RUFF_CACHE_DIR := $(CACHE)/ruff
export MYPY_CACHE_DIR := $(CACHE)/mypy
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
# Tests go to whichever process is free: one more than there are cores, for many tests wait for a
# daemon or a broker. Each holds tensorflow once, so not more than four.
PROCESSES := $(shell n=$$(($$(nproc) + 1)); echo $$((n < 4 ? n : 4)))
PYTEST := $(PY) -m pytest -o cache_dir=$(CACHE)/pytest --numprocesses $(PROCESSES) --dist worksteal

.PHONY: help venv demo run test faults soak bench screenshots deb dashboard acceptance check lint format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

venv: $(STAMP) ## create .venv with everything that is locked, and the project itself

$(STAMP): $(LOCK)
	python=$$(sh .ci/find-python) && "$$python" -m venv --clear .venv
	$(PIP) install --quiet --require-hashes --only-binary :all: --requirement $(LOCK)
	$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	touch $(STAMP)

$(CACHE):
	mkdir -p -m 1777 .cache
	mkdir -p $(CACHE)

demo: $(STAMP) ## train a small model, drop it into a watched folder, show what is published
	$(PY) examples/demo.py

run: $(STAMP) ## run the daemon in the foreground on DIRECTORY (default .run); ctrl-c ends it
	mkdir -p "$(DIRECTORY)/models"
	$(PY) -m tflited serve --directory "$(DIRECTORY)"

test: $(STAMP) | $(CACHE) ## run the unit, contract and integration tests
	$(PYTEST) $(TESTS)

faults: $(STAMP) | $(CACHE) ## run the slow tests that kill, flood and soak
	$(PYTEST) tests/faults

soak: $(STAMP) ## change models at random, kill the daemon, fail every call, take a cluster apart; MINUTES=20 KILLS=3000 MODELS=60
	$(PY) tests/soak/run.py --minutes $(or $(MINUTES),20)
	$(PY) tests/faults/kill/loop.py --kills $(or $(KILLS),3000)
	$(PY) tests/faults/power/cut.py
	$(PY) tests/faults/calls/inject.py
	$(PY) tests/faults/cluster/losses.py --models $(or $(MODELS),60)

bench: $(STAMP) ## measure against TensorFlow's own tools; prints one JSON document
	@$(PY) benchmarks/run.py

deb: $(STAMP) ## build the Debian package for this release of Debian: build/deb/*.deb
	@$(PY) packaging/deb.py

screenshots: $(STAMP) ## make the pictures of docs/page.md from real conversions in a real browser
	$(PY) tests/screenshots.py docs/pictures

dashboard: $(STAMP) ## make config/grafana/tflited.json anew out of packaging/panels*.py
	@$(PY) packaging/dashboard.py

acceptance: $(STAMP) | $(CACHE) ## as root: boot a Debian with systemd and use the package there; skipped otherwise
	$(PY) -m pytest -o cache_dir=$(CACHE)/pytest tests/acceptance

lint: $(STAMP) | $(CACHE) ## check style, format, types and import directions
	$(PY) -m ruff check $(CODE)
	$(PY) -m ruff format --check $(CODE)
	$(PY) -m mypy $(CODE)
	$(PY) -c 'import sys; from importlinter.cli import lint_imports_command as run; run()' --cache-dir $(CACHE)/imports

check: lint test faults acceptance ## everything CI runs

format: $(STAMP) | $(CACHE) ## put the code into its format
	$(PY) -m ruff check --fix $(CODE)
	$(PY) -m ruff format $(CODE)

lock: $(STAMP) ## resolve requirements/ again; UPGRADE=1 takes the newest versions
	$(PIP) install --quiet 'uv>=0.9,<1'
	$(PY) -m uv pip compile pyproject.toml --group dev --output-file requirements/dev.txt $(COMPILE)
	$(PY) -m uv pip compile pyproject.toml --constraints requirements/dev.txt --output-file requirements/runtime.txt $(COMPILE)
	$(PY) -m uv pip compile pyproject.toml --extra micro --constraints requirements/dev.txt --output-file requirements/micro.txt $(COMPILE)
	$(PY) -m uv pip compile pyproject.toml --extra cluster --constraints requirements/dev.txt --output-file requirements/cluster.txt $(COMPILE)

COMPILE = --quiet --universal --generate-hashes --no-header --python-version 3.11 $(if $(UPGRADE),--upgrade)

clean: ## remove what the other targets made
	rm -rf .venv .cache .run build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +
