.DEFAULT_GOAL := help
PY := .venv/bin/python

# Development data (tests and benchmarks skip, saying so, where it is absent).
DATA := $(wildcard ../shared/datasets)
ifneq ($(DATA),)
export CODESEARCH_DATASETS ?= $(abspath $(DATA))
endif

# Two workers, each with a core (tests/conftest.py says what they share). One is easier to debug: ARGS="-n 0".
PYTEST := $(PY) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

# Sources of the packages that the chunkers are tested on.
export CODESEARCH_SOURCES ?= $(CURDIR)/.cache/sources

.PHONY: help run test test-full tested-on check format bench reproduce screenshots space install install-dev

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install:
	@scripts/install.sh

install-dev:
	@scripts/install.sh dev

run: install  ## start the page on the Python standard library (ARGS="--corpus SPEC" for another corpus)
	$(PY) app.py $(ARGS)

test: tested-on  ## the tests, in a real browser too; installs and fetches what they need
	$(PYTEST) -m "not full" $(ARGS)

test-full: tested-on  ## ... and what is longer than every commit deserves
	$(PYTEST) $(ARGS)

tested-on:
	@scripts/system_packages.sh & scripts/install.sh dev && wait $$!
	$(PY) -m tests.search_core.corpus.packages

check: install-dev  ## format, lint, types, import rules and the fast tests: before each commit
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports --verbose
	$(PYTEST) -m "not slow and not full and not browser" $(ARGS)

format: install-dev  ## apply the formatter and the safe lint fixes
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: install-dev  ## speed and quality as ratios against named references (benchmarks/README.md)
	$(PY) -m benchmarks

reproduce: install-dev  ## the reference's recipe end to end: train, measure before and after (ARGS="--output DIR")
	$(PY) -m benchmarks.reproduce $(ARGS)

screenshots: install-dev  ## pictures of the real page for the README
	@scripts/system_packages.sh
	$(PY) -m scripts.screenshots

space: install  ## upload what is committed to a Hugging Face Space (REPO=OWNER/NAME PRIVATE=1)
	$(PY) scripts/space.py "$(REPO)" $(if $(PRIVATE),--private)
