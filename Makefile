# Variables are documented in README.md and docs/own-cluster.md and checked by `python -m headless_conformance`; make only passes them on.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python
VARIABLES := K8S PROVIDER IMAGES KEEP STRICT SLOW DEBIAN_DRIFT NAMESPACE REPORT_LANG ARGS REQUIREMENT SECTION LEVEL RERUN \
	POD_CIDR SERVICE_CIDR CLUSTER_DOMAIN KUBECONFIG CONTEXT CONFIRM DRY_RUN IMAGE_PREFIX STORAGE_CLASS PULL_SECRET \
	ARCHIVE TARGET FAULT RESULTS A B DISTURBANCE SCALE_NAMES SCALE_SEED
export $(VARIABLES)

# A misspelt name would be ignored without a word. Those of the environment cannot be told from the person's own.
OF_TOOLS := VENV PYTHON% PIP_% GO% DOCKER_% XDG_% NPM_% npm_% %_PROXY %_proxy
UNKNOWN := $(filter-out $(VARIABLES) $(OF_TOOLS),$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
ifneq ($(UNKNOWN),)
$(error $(or $(shell python3 -m headless_conformance.core.spelling '$(firstword $(UNKNOWN))' $(VARIABLES)),$(firstword $(UNKNOWN)) is not a variable of this suite))
endif

.PHONY: help e2e matrix robustness faults faults-page variations test lint prepare requirements list version report compare doctor check image-archive clean clean-existing distclean workflow-matrix

help: ## Show the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  K8S=1.37 PROVIDER=kind|simulated|k3d|existing KEEP=1 REQUIREMENT=SEED-NID-05; all variables: README.md, \"Choosing\", and docs/own-cluster.md"

e2e: $(VENV)/ready ## Verify the documented promises on a cluster of our own, and write reports/.
	@$(PYTHON) -m headless_conformance e2e

matrix: $(VENV)/ready ## The same on every version of versions.yaml, or K8S="1.36 1.37", and what differs between them.
	@$(PYTHON) -m headless_conformance.run.version_matrix

faults: $(VENV)/ready ## Break what the suite verifies, in every way of faults/ (or FAULT='name ...'), and see the right requirements turn red.
	@$(PYTHON) -m headless_conformance.faults.runner faults

faults-page: $(VENV)/ready ## Write docs/faults.md from faults/.
	@$(PYTHON) -m headless_conformance.faults.runner docs

variations: $(VENV)/ready ## Run the suite on every healthy variation of variations/ (or FAULT='name ...'): nothing may turn red.
	@$(PYTHON) -m headless_conformance.faults.runner variations

robustness: $(VENV)/ready ## Disturb runs on kind (an API server killed, a DNS pod deleted, a node paused) and see that none reports a broken promise because of it.
	@$(PYTHON) -m headless_conformance.run.robustness $(DISTURBANCE)

test: $(VENV)/ready lint ## Run the project's own tests; needs no cluster.
	@$(PYTHON) -m pytest tests

lint: $(VENV)/ready ## Check style, types and the workflow.
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy
	@$(PYTHON) -m headless_conformance.run.workflow lint

workflow-matrix: $(VENV)/ready ## Print the versions that GITHUB_EVENT_NAME runs, for the workflow.
	@$(PYTHON) -m headless_conformance.run.workflow matrix

prepare: $(VENV)/ready ## Get or build engine, tools and images, and start nothing else.
	@$(PYTHON) -m headless_conformance prepare

requirements: $(VENV)/ready ## Show which tests cover which requirement; fails when one has none.
	@$(PYTHON) -m headless_conformance.cli.requirements coverage

list: $(VENV)/ready ## List the requirements (all, or those of REQUIREMENT, SECTION, LEVEL, RERUN), what they need and how long they took.
	@$(PYTHON) -m headless_conformance.cli.requirements list

version: $(VENV)/ready ## Show the version of this suite and of the programs that it builds.
	@$(PYTHON) -m headless_conformance version

report: $(VENV)/ready ## Build the HTML report of the last run, or of RESULTS='reports/matrix/*/allure-results' (needs Node.js).
	@$(PYTHON) -m headless_conformance.results.html $(RESULTS)

compare: $(VENV)/ready ## Show what differs between two runs: A=first/conformance.yaml B=second/conformance.yaml.
	@$(PYTHON) -m headless_conformance.results.comparison $(A) $(B)

doctor: $(VENV)/ready ## Show what is there, what is missing and what would be used.
	@$(PYTHON) -m headless_conformance doctor

check: $(VENV)/ready ## Look whether an existing StatefulSet keeps the promises, and change nothing: TARGET=namespace/statefulset.
	@$(PYTHON) -m headless_conformance.run.check $(TARGET)

image-archive: $(VENV)/ready ## Write the workload images into ARCHIVE=image-archive/, for a registry of your own.
	@$(PYTHON) -m headless_conformance image-archive

clean-existing: $(VENV)/ready ## Delete what a killed run left on a cluster of your own (KUBECONFIG, CONTEXT).
	@PROVIDER=existing K8S= $(PYTHON) -m headless_conformance clean-existing

clean: $(VENV)/ready ## Delete this clone's clusters, work files and reports; stop the private engine when nobody needs it.
	@$(PYTHON) -m headless_conformance clean

distclean: $(VENV)/ready ## clean, and delete the caches and the Python environment.
	@$(PYTHON) -m headless_conformance distclean
	@rm -rf $(VENV)

$(VENV)/ready: requirements.lock bootstrap.sh
	@./bootstrap.sh $(VENV)
