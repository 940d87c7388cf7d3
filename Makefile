# Everything from a fresh clone: `make run`. Needs git, make and bash; the rest is set up by the first goal that needs it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SUFFIXES:

PIPELINE ?= olympics
DATA ?=
FORMAT ?=
START_FROM ?=
ALLOW_REJECTS ?=
TIERS ?= unit dags jobs local
PYTEST_ARGS ?=
LOCK_ARGS ?=
# By the environment, and quoted in the recipes: a path with a space or a quote stays one argument.
VOLUMES ?=
export PIPELINE DATA FORMAT START_FROM ALLOW_REJECTS VOLUMES

PYTHON := .venv/bin/python

##@ A user's day
.PHONY: run
run: setup ## Bring up the local stack and deploy a pipeline with Airflow, checked results included. PIPELINE=name DATA=file.csv ALLOW_REJECTS=1 START_FROM=scratch
	@$(PYTHON) -m infra run --pipeline "$$PIPELINE" $${DATA:+--data "$$DATA"} \
	  $${ALLOW_REJECTS:+--allow-rejects} $${START_FROM:+--start-from "$$START_FROM"}

.PHONY: results
results: ## Show what the output topics hold; needs `make run`. PIPELINE=name FORMAT=table|json
	@bash infra/setup/setup.sh >&2  # standard output is the results alone, so that it can be piped
	@$(PYTHON) -m infra results --pipeline "$$PIPELINE" $${FORMAT:+--format "$$FORMAT"}

.PHONY: watch
watch: setup ## Show the results again at each change; Ctrl-C ends it. PIPELINE=name
	@$(PYTHON) -m infra watch --pipeline "$$PIPELINE"

.PHONY: sql
sql: setup ## Open a prompt on the pipeline's database; reads statements from a pipe, too. PIPELINE=name
	@$(PYTHON) -m infra sql --pipeline "$$PIPELINE"

.PHONY: ui
ui: setup ## Start Airflow on the local stack and print its address; `make down` stops it
	@$(PYTHON) -m infra ui

##@ The local stack
.PHONY: up
up: setup ## Start Kafka, MariaDB and Flink on loopback; changes nothing when they run
	@$(PYTHON) -m infra up

.PHONY: down
down: ## Stop them; data and job state stay
	@$(call local_stack,down)

.PHONY: status
status: ## Show state, process, port and log of each
	@$(call local_stack,status)

.PHONY: clean
clean: ## Stop them and remove all their data; .venv and the shared jar cache stay
	@$(call local_stack,clean)

local_stack = if [ -x $(PYTHON) ]; then $(PYTHON) -m infra $(1); else echo "local stack: not set up"; fi

##@ Docker Compose
.PHONY: compose-up
compose-up: setup ## Build our images, start everything in containers, end with the address of Airflow. TASKMANAGERS=n KAFKA_IMAGE=... and so on
	@$(PYTHON) -m infra compose-up

.PHONY: compose-down
compose-down: ## Remove the containers; data stays. VOLUMES=1 removes the data and the secrets too
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m infra compose-down $${VOLUMES:+--volumes}; else echo "compose: not set up"; fi

##@ Development
.PHONY: setup
setup: ## Install what is missing: system packages (apt-get, as root or by sudo), .venv, jars
	@bash infra/setup/setup.sh

.PHONY: test
test: setup ## Run the tests, on parts of their own beside a running stack. TIERS="unit dags jobs local"
	@$(PYTHON) -m pytest $(TIERS:%=tests/%) $(PYTEST_ARGS)

.PHONY: check
check: setup ## Lint, formatting, types and the unit tests; needs no running part
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m pytest -q --cov --cov-report= tests/unit

.PHONY: bench
bench: setup ## Measure freshness and snapshot rate, on parts of its own; takes minutes, and wants an idle machine
	@$(PYTHON) -m infra bench

.PHONY: test-kubernetes
test-kubernetes: setup ## Run the tests on the cluster that KUBECONFIG names, in a namespace of their own; needs kubectl and helm
	@$(PYTHON) -m pytest -rs tests/kubernetes $(PYTEST_ARGS)

.PHONY: test-compose
test-compose: setup ## Run the tests on the Docker engine, in a project of their own; skipped where there is none
	@$(PYTHON) -m pytest -rs tests/compose $(PYTEST_ARGS)

.PHONY: images
images: setup ## Build the images of Flink and Airflow for a cluster. IMAGE_TAG=tag IMAGE_REPOSITORY=registry/name
	@bash docker/build.sh docker/flink docker/airflow

.PHONY: docs
docs: setup ## Write the generated pages again: docs/pipeline-reference.md and docs/pipeline.schema.json
	@$(PYTHON) -m infra docs

.PHONY: lock
lock: setup ## Write requirements.txt and the jars' checksums anew, from pyproject.toml and infra/versions.toml; needs Maven. LOCK_ARGS=--upgrade
	@.venv/uv/bin/uv pip compile --quiet --no-header $(LOCK_ARGS) --extra dev --extra local --python $(PYTHON) pyproject.toml --output-file requirements.txt
	@echo apache-flink | .venv/uv/bin/uv pip compile --quiet --no-header $(LOCK_ARGS) --no-annotate --constraint requirements.txt --python $(PYTHON) - \
	  --output-file docker/flink/requirements.txt
	@.venv/uv/bin/uv pip compile --quiet --no-header $(LOCK_ARGS) --no-annotate --extra cluster --constraint requirements.txt --python $(PYTHON) pyproject.toml \
	  --output-file docker/airflow/requirements.txt
	@$(PYTHON) -m infra jars --lock

.PHONY: lint-workflows
lint-workflows: ## Check .github/workflows with actionlint, which Go fetches if it is not installed
	@bash infra/setup/lint-workflows.sh

.PHONY: wheel
wheel: setup ## Build the wheel and the source distribution into dist/
	@.venv/uv/bin/uv build --quiet --no-build-isolation --python $(PYTHON) --out-dir dist .
	@ls dist/*.whl dist/*.tar.gz

.PHONY: release
release: export VERSION ?=
release: setup ## Write VERSION everywhere, date the changelog's entry, commit and tag; pushes nothing. VERSION=1.2.3
	@$(PYTHON) -m infra release "$$VERSION"

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
