# Everything below works on a fresh machine: it needs Python 3.11 or 3.12 with venv, and nothing else by hand.
# PYTHON=/path/to/python3.12 chooses the interpreter.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && command -v $$p && break; done)
FOR ?= 60
# Nothing else runs beside it: without CPU, what it breaks has no time to recover.
ALONE := tests/chaos/test_short.py
# Files in the order in which they are found, and not by how many tests are in them: who waits longest begins first.
SPREAD := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help setup test lint unit demo bench manifests simulate simulate-mutants chaos chaos-wait chaos-stop soak lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

setup: .venv/.ready  ## create .venv with everything locked in requirements-dev.lock

.venv/.ready: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or 3.12 found on PATH; install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON) (about a minute) ..."
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: setup lint  ## run every check and every test, cluster tests included
	@.venv/bin/python -m tests.cluster build
	@.venv/bin/python -m pytest $(ALONE)
	@.venv/bin/python -m pytest $(SPREAD) $(ALONE:%=--ignore=%)

lint: setup  ## ruff, mypy and the import contract
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports

unit: setup  ## only the tests that need neither Redis nor a control plane
	@.venv/bin/python -m pytest tests/unit

demo: setup  ## a local cluster, one controller, two workers and four timers, live (FOR=60 seconds)
	@.venv/bin/python -m tests.demo --for $(FOR)

bench: setup  ## every benchmark, for hours (SCENARIO=burst ARGS="--pairs 1" one of them; ARGS=--help)
	@.venv/bin/python -m tests.bench $(or $(SCENARIO),all) $(ARGS)

simulate: setup  ## everything in one process on virtual time, with faults (SEEDS=10000; SEED=123 shows one)
	@.venv/bin/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS))

simulate-mutants: setup  ## take rules away one at a time: how many seeds until the simulation notices
	@.venv/bin/python -m tests.simulation --mutants

chaos: setup  ## break everything at random, detached (SEED=7, FOR=1500 seconds); then: make chaos-wait, chaos-stop
	@.venv/bin/python -m tests.chaos start $(if $(SEED),--seed $(SEED)) $(if $(filter command line environment,$(origin FOR)),--for $(FOR))

chaos-wait: setup  ## wait for the end of that, and print what it came to
	@.venv/bin/python -m tests.chaos wait

chaos-stop: setup  ## end it before its time
	@.venv/bin/python -m tests.chaos stop

soak: setup  ## timers come and go for a while (FOR=600 seconds): nothing may grow, nothing may be left
	@.venv/bin/python -m tests.soak $(if $(filter command line environment,$(origin FOR)),--for $(FOR))

manifests: setup  ## make deploy/install.yaml and the chart's CRD anew, after a change of crds/ or the chart
	@.venv/bin/python -m tests.deploy

lock: setup  ## renew the lock files from pyproject.toml
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock pyproject.toml
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra dev -o requirements-dev.lock pyproject.toml

clean:  ## remove .venv and caches of this checkout (not the cached control plane)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
