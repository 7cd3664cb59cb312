# Needs Python 3.10 to 3.14: each target first installs what it uses into .venv. The studies are in experiments/*/study.mk.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
# One process per core; the tests of one file share what they prepare.
PARALLEL := --numprocesses logical --maxprocesses 8 --dist loadfile
DEMO := outputs/demo
SCALE_GIVEN := $(SCALE)
SCALE ?= smoke
NOTEBOOKS ?= cache

.PHONY: help install demo figures docs test test-all test-gpu test-systems test-cluster test-faults lint types bench smoke-wheel constraints clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'

install: .venv/installed ## mwgan and what its development needs, into .venv

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15) and "mwgan needs Python 3.10 to 3.14: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) --editable '.[dev]'
	touch $@

demo: install ## adapt, compare, reconstruct a measured needle: 10 CPU minutes
	rm -rf $(DEMO)
	$(BIN)/mwgan demo --output $(DEMO)

test: install lint types ## the everyday tests
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not wheel and not cluster and not faults and not gpu"

test-all: install lint types ## the slow tests, too
	$(BIN)/python -m pytest $(PARALLEL) -m "not wheel and not cluster and not faults and not gpu"

test-gpu: install ## tests on a GPU (MWGAN_TEST_DEVICE=cpu tries the tests themselves)
	$(BIN)/python -m pytest -m gpu -rs

test-faults: install ## kills, full disks, fuzzed files (docs/reliability.md)
	$(BIN)/python -m pytest $(PARALLEL) -m faults

test-systems: install ## Windows and macOS, imitated
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/python -m pytest tests/e2e/test_other_systems.py

test-cluster: install ## SLURM on this machine
	@[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "make test-cluster starts SLURM's daemons: run it as root on Debian"; exit 1; }
	command -v munged slurmctld slurmd >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge; }
	$(PIP) --editable '.[slurm]'
	$(BIN)/python -m pytest -m cluster

smoke-wheel: install ## the wheel in an empty environment
	$(BIN)/python -m pytest -m wheel

lint: install ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy
	$(BIN)/mypy

docs: install ## the site, in outputs/docs/site (Python 3.11 or newer; NOTEBOOKS=off runs no notebook)
	$(PIP) --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -c docs -D nb_execution_mode=$(NOTEBOOKS) . outputs/docs/site

bench: install ## every benchmark
	for name in operators growth reconstruction data specimens training cost field alignment atoms; do \
	  $(BIN)/python benchmarks/$$name.py || exit 1; done

include experiments/ding2019/study.mk experiments/irdm2020/study.mk experiments/beyond/study.mk experiments/gpu_study/study.mk

STUDIES := irdm2020 ding2019 $(if $(filter paper,$(SCALE_GIVEN)),,beyond)
figures: $(if $(SCALE_GIVEN),$(STUDIES),$(STUDIES:=-figures)) ## redraw every recorded figure; with SCALE=, train first

# Without the extra perceptual, whose torchvision brings CUDA. Torch stays as it is.
constraints: install ## renew constraints.txt
	$(BIN)/python -m pip install --quiet uv
	grep '^torch==' constraints.txt > constraints.torch
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header --constraint constraints.torch --extra slurm --extra dev --extra docs pyproject.toml \
	  | grep -Ev '^(nvidia|cuda|triton)' > constraints.new && mv constraints.new constraints.txt
	rm constraints.torch

clean: ## remove outputs and caches
	rm -rf outputs dist build .pytest_cache .mypy_cache .ruff_cache
