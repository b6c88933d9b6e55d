# Thin aliases of the program `headless-conformance`, and what is there before it. The targets are listed in
# headless_conformance/cli/commands.py, the variables in headless_conformance/core/variables.py; make hands
# those of its command line on through the environment.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PROGRAM := $(VENV)/bin/headless-conformance
COMMANDS := e2e matrix list requirements report doctor audit faults variations robustness prepare \
	image-archive pages version clean clean-existing

# A misspelt name would be ignored without a word. Those of the environment cannot be told from the person's
# own.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
ifneq ($(GIVEN),)
WRONG := $(shell python3 -m headless_conformance.core.variables $(foreach name,$(GIVEN),'$(name)'))
ifneq ($(WRONG),)
$(error $(WRONG:.=))
endif
endif

.PHONY: help test test-model test-own-set lint compare distclean workflow-matrix $(COMMANDS)

help:
	@python3 -m headless_conformance.cli.commands

$(COMMANDS): $(VENV)/ready
	@$(PROGRAM) $@

compare: $(VENV)/ready
	@$(PROGRAM) compare $(A) $(B)

distclean: $(VENV)/ready
	@$(PROGRAM) distclean
	@rm -rf $(VENV)

workflow-matrix: $(VENV)/ready
	@$(PROGRAM) workflow matrix

# Any other name: an old one, or a misspelt one.
.DEFAULT:
	@python3 -m headless_conformance.cli.commands $@

test: lint
	@$(VENV)/bin/pytest tests

test-model: $(VENV)/ready
	@$(VENV)/bin/python -m tests.records.against_coredns

test-own-set: $(VENV)/ready
	@$(VENV)/bin/python -m tests.own_set.on_simulated

lint: $(VENV)/ready
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo --no-cache
	@$(PROGRAM) workflow lint

$(VENV)/ready: requirements.lock bootstrap.sh
	@./bootstrap.sh $(VENV)
