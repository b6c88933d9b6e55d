# Variables are documented in the README and checked by `python -m conformance`; make only passes them on.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python
export K8S PROVIDER IMAGES KEEP STRICT SLOW DEBIAN_DRIFT NAMESPACE REPORT_LANG ARGS CLAIM SECTION LEVEL RERUN POD_CIDR SERVICE_CIDR CLUSTER_DOMAIN

.PHONY: help e2e test lint prepare claims list report compare doctor clean distclean

help: ## Show the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  K8S=1.37 PROVIDER=kind|simulated IMAGES=auto|pull|build KEEP=1 STRICT=1 SLOW=1 NAMESPACE=default ARGS='-k nslookup'"

e2e: $(VENV)/ready ## Verify the documented promises on a cluster of our own, and write reports/.
	@$(PYTHON) -m conformance e2e

test: $(VENV)/ready lint ## Run the project's own tests; needs no cluster.
	@$(PYTHON) -m pytest tests

lint: $(VENV)/ready ## Check style and types.
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

prepare: $(VENV)/ready ## Get or build engine, tools and images, and start nothing else.
	@$(PYTHON) -m conformance prepare

claims: $(VENV)/ready ## Show which specs cover which claim; fails when one has none.
	@$(PYTHON) -m conformance.claims coverage

list: $(VENV)/ready ## List the claims (all, or those of CLAIM, SECTION, LEVEL, RERUN), what they need and how long they took.
	@$(PYTHON) -m conformance.claims list

report: $(VENV)/ready ## Build the HTML report of the last run (needs Node.js).
	@$(PYTHON) -m conformance.report

compare: $(VENV)/ready ## Show what differs between two runs: A=first/conformance.yaml B=second/conformance.yaml.
	@$(PYTHON) -m conformance.compare $(A) $(B)

doctor: $(VENV)/ready ## Show what is there, what is missing and what would be used.
	@$(PYTHON) -m conformance doctor

clean: $(VENV)/ready ## Delete this clone's clusters, work files and reports; stop the private engine when nobody needs it.
	@$(PYTHON) -m conformance clean

distclean: $(VENV)/ready ## clean, and delete the caches and the Python environment.
	@$(PYTHON) -m conformance distclean
	@rm -rf $(VENV)

$(VENV)/ready: requirements.lock bootstrap.sh
	@./bootstrap.sh $(VENV)
