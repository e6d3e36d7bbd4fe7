# Two commands: `make run` and `make test`. Everything they need they make themselves.
PYTHON ?= python3
PORT ?= 8000
SANDBOX_PORT ?= 8765
VENV := .venv
PY := $(VENV)/bin/python
export DESK_DATA ?= $(CURDIR)/data

.PHONY: run test lint words benchmark benchmark-env clean requirements
.DEFAULT_GOAL := help

help:
	@echo "make run    the desk with sandbox providers and data   (PORT=$(PORT) SANDBOX_PORT=$(SANDBOX_PORT))"
	@echo "make test   everything the tests need, then all of them"

$(VENV)/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make run PYTHON=python3.11")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the desk needs …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.runtime
	@echo "Installing what the tests need …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

run: $(VENV)/.runtime
	@exec $(PY) -m invoicing.starting --port $(PORT) --sandbox-port $(SANDBOX_PORT)

test: $(VENV)/.tests
	@exec $(PY) -m tests.all

$(VENV)-benchmark/.installed: invoicing/benchmarks/requirements.txt
	@test -x $(VENV)-benchmark/bin/python || $(PYTHON) -m venv $(VENV)-benchmark
	@echo "Installing what the desk is measured against …"
	@$(VENV)-benchmark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

benchmark-env: $(VENV)-benchmark/.installed

benchmark: $(VENV)/.runtime benchmark-env
	@SECRET_KEY=only-for-measurements $(PY) manage.py benchmark list
	@SECRET_KEY=only-for-measurements $(PY) manage.py benchmark sync

lint: $(VENV)/.tests
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

words: $(VENV)/.runtime
	@DESK_BUILDING=1 $(PY) manage.py words

clean:
	rm -rf $(VENV) $(VENV)-benchmark
