# `make` lists the targets that have a description after `##`.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV   := .venv
PYTHON := $(VENV)/bin/python

STACK    ?= local
CHARTS   ?=
VERSIONS ?=
charts   := --charts='$(CHARTS)' --versions='$(VERSIONS)'

# The slowest first, so that none runs alone at the end.
LONGEST    := engine-modes engine-preview
ENGINE     := $(LONGEST) $(filter-out $(LONGEST),$(patsubst tests/engine/test_%.py,engine-%,$(wildcard tests/engine/test_*.py)))
RECORDED   = $(shell grep -l tests.engine.results tests/engine/test_*.py)
SLOW       := $(ENGINE:engine-%=slow-%)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  up and preview take CHARTS=DIR (a folder of chart archives) or CHARTS=upstream (public registries),"
	@echo "  VERSIONS=\"1.6.2 v0.17.2\" (default: the newest in DIR) and STACK=name (default: local)."
	@echo "  TOOLCHAIN=path, download or build selects where etcd, Kubernetes, kwok, Pulumi and Helm come from."

.PHONY: up
up: $(VENV)/.complete ## start a cluster and install the platform on it
	@$(PYTHON) -m sandbox up --stack=$(STACK) $(charts)

.PHONY: preview
preview: $(VENV)/.complete ## show what `make up` would install or change
	@$(PYTHON) -m sandbox preview --stack=$(STACK) $(charts)

.PHONY: status
status: $(VENV)/.complete ## show what is installed
	@$(PYTHON) -m sandbox status

.PHONY: down
down: $(VENV)/.complete ## remove the platform, the cluster and all processes
	@$(PYTHON) -m sandbox down --stack=$(STACK)

.PHONY: test-unit
test-unit: $(VENV)/.complete ## unit tests: under a minute, no toolchain
	$(PYTHON) -m pytest tests/unit

.PHONY: test-ends
test-ends: test-oldest test-newest ## unit tests with the oldest and newest allowed dependencies

.PHONY: test-oldest test-newest
test-oldest test-newest: test-%: $(VENV)-%/.complete
	$(VENV)-$*/bin/python -m pytest tests/unit

.PHONY: test-engine
test-engine: $(ENGINE) ## tests with a real Pulumi engine on a real API server, without the slow ones

.PHONY: test-slow
test-slow: $(SLOW) ## the engine tests that `make test` skips: every mode pair, upgrade step and monitor

# One target per file, so that they can run in parallel. Pytest exits with 5 if a file has no such test.
.PHONY: $(ENGINE) $(SLOW)
$(ENGINE): engine-%: $(VENV)/.complete
	$(PYTHON) -m pytest tests/engine/test_$*.py -m 'not slow' || [ $$? = 5 ]

$(SLOW): slow-%: $(VENV)/.complete
	$(PYTHON) -m pytest tests/engine/test_$*.py -m slow || [ $$? = 5 ]

# Engine tests mostly wait, so run more of them than there are cores.
.PHONY: test
test: lint test-unit ## all checks that a change must pass: under 10 minutes with a built toolchain
	$(MAKE) --jobs=3 test-ends test-engine

.PHONY: test-all
test-all: test ## all tests: under 40 minutes
	$(MAKE) --jobs=4 test-slow

.PHONY: bench
bench: $(VENV)/.complete ## compare the module with the same work without it
	$(PYTHON) -m benchmarks

.PHONY: pr-check
pr-check: $(VENV)/.complete ## run the pull request checks on a clone that changes one stack
	@$(PYTHON) -m sandbox.pr_check

.PHONY: lint
lint: $(VENV)/.complete ## format, lint and type checks
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

.PHONY: docs
docs: $(VENV)/.complete ## update what is generated: findings, settings, upgrades, flow chart, map of the code, schema
	@$(PYTHON) -m tests.unit.findings
	@$(PYTHON) -m tests.unit.settings
	@$(PYTHON) -m tests.unit.upgrades
	@$(PYTHON) -m tests.unit.results
	@$(PYTHON) -m tests.unit.flow_chart
	@$(PYTHON) -m tests.unit.code_map
	@$(PYTHON) -m dynamo_platform.config.schema > stacks/schema.json

.PHONY: catalog-check
catalog-check: $(VENV)/.complete ## list what the catalog lacks of the charts in CHARTS=DIR
	@$(PYTHON) -m dynamo_platform.catalog.check '$(CHARTS)'

.PHONY: record
record: $(VENV)/.complete ## take every upgrade, move and fault on the sandbox, and record what happens
	RECORD=1 $(PYTHON) -m pytest $(RECORDED)
	@$(MAKE) docs

.PHONY: lock
lock: $(VENV)/.complete ## update the locked development dependencies
	$(PYTHON) -m sandbox.uv pip compile --quiet --upgrade --universal --generate-hashes \
		--python-version 3.11 --group dev --custom-compile-command "make lock" \
		pyproject.toml --output-file requirements-dev.txt

.PHONY: clean
clean: ## delete virtual environments and caches of this checkout (`make down` first)
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-newest .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.complete: requirements-dev.txt
	@$(find_python) && "$$python" -m sandbox.venv $(@D) locked && touch $@

$(VENV)-oldest/.complete $(VENV)-newest/.complete: $(VENV)-%/.complete: pyproject.toml
	@$(find_python) && "$$python" -m sandbox.venv $(@D) $* && touch $@

define find_python
for python in python3 python3.14 python3.13 python3.12 python3.11 none; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
done; \
if [ "$$python" = none ]; then \
	echo "Python 3.11 or newer is required. None of python3, python3.11 to python3.14 on PATH is new enough." >&2; exit 1; \
fi
endef
