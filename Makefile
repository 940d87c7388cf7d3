# From a fresh clone, start with `make run`. Requires git, make and bash; the first goal that requires more installs it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SUFFIXES:

PIPELINE ?= olympics
DATA ?=
FORMAT ?=
START_FROM ?=
ALLOW_REJECTS ?=
DATABASE ?= mariadb
SECURITY ?= plaintext
TIERS ?= unit dags jobs local
PYTEST_ARGS ?=
# With FORBID_SKIPS=1, as in CI, a test that is skipped fails.
FORBID_SKIPS ?=
LOCK_ARGS ?=
BENCH_ARGS ?=
# Exported, and quoted in the recipes, so that a path with a space or a quote stays one argument.
VOLUMES ?=
EXAMPLE_ROWS ?=
SOURCE ?=
TABLE ?=
TABLES ?=
WHERE ?=
export PIPELINE DATA FORMAT START_FROM ALLOW_REJECTS ALLOW_DELETIONS ADOPT_TABLE VOLUMES DATABASE EXAMPLE_ROWS
export SOURCE TABLE TABLES WHERE
ifneq ($(SECURITY),plaintext)
export OLYMPIC_STREAMING_STACK_SECURITY := $(SECURITY)
endif
ifneq ($(DATABASE),mariadb)
export OLYMPIC_STREAMING_MYSQL_SERVER := $(DATABASE)
endif

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest $(if $(FORBID_SKIPS),--forbid-skips)

##@ Pipelines
.PHONY: run
run: setup ## Start the local stack, deploy a pipeline with Airflow, and show its checked results. PIPELINE=name DATA=file.csv ALLOW_REJECTS=1 ALLOW_DELETIONS=1 ADOPT_TABLE=1 START_FROM=scratch DATABASE=mysql SECURITY=tls|mtls
	@$(PYTHON) -m infra run --pipeline "$$PIPELINE" $${DATA:+--data "$$DATA"} \
	  $${ALLOW_REJECTS:+--allow-rejects} $${ALLOW_DELETIONS:+--allow-deletions} $${ADOPT_TABLE:+--adopt-table} \
	  $${START_FROM:+--start-from "$$START_FROM"}

.PHONY: plan
plan: ## Show what `make run` would create, change, leave or refuse, and change nothing; requires `make up`. Status 2: there are changes. PIPELINE=name DATA=file.csv START_FROM=scratch FORMAT=json
	@bash infra/setup/setup.sh >&2  # standard output has only the plan, so that it can be piped
	@$(PYTHON) -m infra plan --pipeline "$$PIPELINE" $${DATA:+--data "$$DATA"} \
	  $${ALLOW_REJECTS:+--allow-rejects} $${ALLOW_DELETIONS:+--allow-deletions} $${ADOPT_TABLE:+--adopt-table} \
	  $${START_FROM:+--start-from "$$START_FROM"} $$(if [ "$$FORMAT" = json ]; then echo --json; fi)

.PHONY: results
results: ## Show the contents of the result topics; requires `make run`. PIPELINE=name FORMAT=table|json
	@bash infra/setup/setup.sh >&2  # standard output has only the results, so that it can be piped
	@$(PYTHON) -m infra results --pipeline "$$PIPELINE" $${FORMAT:+--format "$$FORMAT"}

.PHONY: watch
watch: setup ## Show the results, and again after each change, until Ctrl-C. PIPELINE=name
	@$(PYTHON) -m infra watch --pipeline "$$PIPELINE"

.PHONY: sql
sql: setup ## Open a prompt on the pipeline's database, or read statements from a pipe. PIPELINE=name
	@$(PYTHON) -m infra sql --pipeline "$$PIPELINE"

.PHONY: new
new: setup ## Create a pipeline from the tables of a local database, named as the pipeline or SOURCE. PIPELINE=name TABLES="names and patterns"
	@$(PYTHON) -m infra new --pipeline "$$PIPELINE" $${SOURCE:+--database "$$SOURCE"} $${TABLES:+--tables "$$TABLES"}

.PHONY: reload
reload: setup ## Let the running job read a captured table again; requires `make run`. PIPELINE=name TABLE=name WHERE="SQL condition"
	@$(PYTHON) -m infra reload --pipeline "$$PIPELINE" --table "$$TABLE" $${WHERE:+--where "$$WHERE"}

.PHONY: example
example: setup ## Load a shop database of ten tables into the local database, as if it were yours. EXAMPLE_ROWS=n
	@$(PYTHON) -m infra example $${EXAMPLE_ROWS:+--rows "$$EXAMPLE_ROWS"}

.PHONY: ui
ui: setup ## Start the local stack and Airflow, and print its address; `make down` stops it
	@$(PYTHON) -m infra ui

##@ The local stack
.PHONY: up
up: setup ## Start Kafka, MariaDB and Flink on loopback; changes nothing if they run
	@$(PYTHON) -m infra up

.PHONY: down
down: ## Stop every service, but keep data and job state
	@$(call local_stack,down)

.PHONY: status
status: ## Show state, process, port and log of each service
	@$(call local_stack,status)

.PHONY: clean
clean: ## Stop every service and delete all data, but keep .venv and the shared jar cache
	@$(call local_stack,clean)

local_stack = if [ -x $(PYTHON) ]; then $(PYTHON) -m infra $(1); else echo "local stack: not set up"; fi

##@ Docker Compose
.PHONY: compose-up
compose-up: setup ## Build images, start everything in containers, and print the address of Airflow. TASKMANAGERS=n KAFKA_IMAGE=name
	@$(PYTHON) -m infra compose-up

.PHONY: compose-down
compose-down: ## Remove the containers, but keep the data. VOLUMES=1 deletes the data and the secrets, too
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m infra compose-down $${VOLUMES:+--volumes}; else echo "compose: not set up"; fi

##@ Development
.PHONY: setup
setup: ## Install what is missing: system packages (apt-get, as root or with sudo), .venv, jars; with DATABASE=mysql its server
	@bash infra/setup/setup.sh
	@if [ "$$DATABASE" = mysql ]; then $(PYTHON) -m infra mysql-server; fi

.PHONY: test
test: setup ## Run the tests, on a separate local stack. TIERS="unit dags jobs local" DATABASE=mysql
	@$(PYTEST) $(TIERS:%=tests/%) $(PYTEST_ARGS)

.PHONY: check
check: setup ## Check lint, formatting, types and known vulnerabilities, and run the unit tests; requires no running service
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m infra audit
	@$(PYTEST) -q --cov --cov-report= tests/unit

.PHONY: audit
audit: setup ## Look for known vulnerabilities of the pinned Python packages; fails if PyPI's advisories cannot be read
	@$(PYTHON) -m infra audit --required

.PHONY: fuzz
fuzz: setup ## Compare the strict readers of jobs and checks on a million mutated records; takes minutes. FUZZ_RECORDS=n
	@FUZZ_RECORDS="$${FUZZ_RECORDS:-1000000}" $(PYTHON) -m pytest -q -s tests/jobs/test_strict_readers.py

.PHONY: bench
bench: setup ## Measure throughput against other systems, freshness, recovery and whole runs; takes about an hour on an idle machine. BENCH_ARGS="--run-rows 10000000"
	@$(PYTHON) -m infra bench $(BENCH_ARGS)

.PHONY: bench-quick
bench-quick: setup ## Run small sizes of the benchmark and check every result, but no time; takes minutes. BENCH_ARGS="--part throughput"
	@$(PYTHON) -m infra bench --quick $(BENCH_ARGS)

.PHONY: test-kubernetes
test-kubernetes: setup ## Run the tests on the cluster that KUBECONFIG names, in their own namespace; requires kubectl and helm
	@$(PYTEST) -rs tests/kubernetes --ignore tests/kubernetes/test_autoscaler.py $(PYTEST_ARGS)

.PHONY: test-autoscaler
test-autoscaler: setup ## Run the test of the operator's autoscaler, on an idle machine: it waits for a job to be scaled up and down
	@$(PYTEST) -rs tests/kubernetes/test_autoscaler.py $(PYTEST_ARGS)

.PHONY: test-compose
test-compose: setup ## Run the tests on the Docker engine, in their own project; skipped if there is no engine
	@$(PYTEST) -rs tests/compose $(PYTEST_ARGS)

.PHONY: images
images: setup ## Build the images of Flink and Airflow for a cluster. IMAGE_TAG=tag IMAGE_REPOSITORY=registry/name
	@bash docker/build.sh docker/flink docker/airflow

.PHONY: docs
docs: setup ## Write the generated pages again: docs/pipeline-reference.md, docs/pipeline.schema.json, docs/column-types.md and docs/errors.md
	@$(PYTHON) -m infra docs

.PHONY: lock
lock: setup ## Write requirements.txt and the jars' checksums again, from pyproject.toml and infra/versions.toml; requires Maven. LOCK_ARGS=--upgrade
	@.venv/uv/bin/uv pip compile --quiet --no-header $(LOCK_ARGS) --extra dev --extra local --python $(PYTHON) pyproject.toml --output-file requirements.txt
	@echo apache-flink | .venv/uv/bin/uv pip compile --quiet --no-header $(LOCK_ARGS) --no-annotate --constraint requirements.txt --python $(PYTHON) - \
	  --output-file docker/flink/requirements.txt
	@.venv/uv/bin/uv pip compile --quiet --no-header $(LOCK_ARGS) --no-annotate --extra cluster --constraint requirements.txt --python $(PYTHON) pyproject.toml \
	  --output-file docker/airflow/requirements.txt
	@$(PYTHON) -m infra jars --lock

.PHONY: lint-workflows
lint-workflows: ## Check .github/workflows with actionlint, which Go downloads if it is not installed
	@bash infra/setup/lint-workflows.sh

.PHONY: wheel
wheel: setup ## Build the wheel and the source distribution into dist/
	@.venv/uv/bin/uv build --quiet --no-build-isolation --python $(PYTHON) --out-dir dist .
	@ls dist/*.whl dist/*.tar.gz

.PHONY: sbom
sbom: setup ## Write the software bill of materials, all Python packages and jars, to dist/sbom.cdx.json
	@$(PYTHON) -m infra sbom

.PHONY: release
release: export VERSION ?=
release: setup ## Write VERSION everywhere, date the changelog's entry, commit and tag; pushes nothing. VERSION=1.2.3
	@$(PYTHON) -m infra release "$$VERSION"

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
