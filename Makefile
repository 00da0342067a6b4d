# Tasks for people and for continuous integration alike. `make` alone lists them.
# Everything runs unattended: nothing asks a question, and nothing needs root.

.SUFFIXES:
.DEFAULT_GOAL := help

PYTHON ?= python3
# Two venvs, so that a first look stays light: the demo's has the core dependencies alone.
VENV = .venv
TEST_VENV = .venv-test
DOCS_VENV = .venv-docs
BIN = $(TEST_VENV)/bin
WORKERS ?= 2
# Passed on to pytest, for example: make test ARGS="-k pool"
ARGS ?=
CHECKED = src tests benchmarks examples
# Real data lie beside the repository where there are any.
WITH_DATA = if [ -z "$${PRIORLIFT_DATA:-}" ] && [ -d ../shared/data ]; then \
	PRIORLIFT_DATA=$$(cd ../shared/data && pwd); export PRIORLIFT_DATA; fi;

.PHONY: help demo test lint format bench bench-ranking bench-gap bench-sweeps bench-theory bench-cells docs clean browser

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.stamp ## set up .venv and run the main job on real data (runs/demo/report.html)
	@echo "[demo] running: priorlift demo --out runs/demo"
	@$(VENV)/bin/priorlift demo --out runs/demo

test: $(TEST_VENV)/.stamp browser lint ## set up .venv-test (all extras) and run every check and test
	@echo "[test] running pytest on $(WORKERS) processes"
	@$(WITH_DATA) if [ "$${CI:-}" = true ]; then PRIORLIFT_REQUIRE_BROWSER=1; export PRIORLIFT_REQUIRE_BROWSER; fi; \
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: $(TEST_VENV)/.stamp ## check style, types and the order of the layers
	@echo "[lint] ruff check, ruff format, mypy, import-linter"
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(TEST_VENV)/.stamp ## mend what ruff can mend by itself
	@$(BIN)/ruff check --fix $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

bench: $(TEST_VENV)/.stamp ## run the benchmarks, quickly (FULL=1: as published)
	@$(BIN)/python benchmarks/run.py $(if $(FULL),--full,--quick)

bench-ranking: $(TEST_VENV)/.stamp ## compare rankings with the truth on real data (FULL=1: train it)
	@$(WITH_DATA) $(BIN)/python benchmarks/ranking_proof.py $(if $(FULL),--full,--quick)

bench-gap: $(TEST_VENV)/.stamp ## compare boosting across domains on real data (FULL=1: 20 splits)
	@$(WITH_DATA) $(BIN)/python benchmarks/gap_proof.py $(if $(FULL),--full,--quick) $(PARTS)

bench-sweeps: $(TEST_VENV)/.stamp ## compare shared searches with GridSearchCV (FULL=1: as published)
	@$(WITH_DATA) $(BIN)/python benchmarks/sweeps_proof.py $(if $(FULL),--full,--quick) $(PARTS)

bench-theory: $(TEST_VENV)/.stamp ## hold the theory against simulation and time it (FULL=1: as published)
	@$(WITH_DATA) $(BIN)/python benchmarks/theory_proof.py $(if $(FULL),--full,--quick) $(PARTS)

bench-cells: $(TEST_VENV)/.stamp ## measure label transfer for cells on real data (FULL=1: as published)
	@$(WITH_DATA) $(BIN)/python benchmarks/cells_proof.py $(if $(FULL),--full,--quick) $(PARTS)

docs: $(DOCS_VENV)/.stamp ## build the documentation into site/
	@echo "[docs] running: mkdocs build --strict"
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet
	@echo "[docs] open site/index.html"

clean: ## remove the venvs and what the checks leave behind (never runs/)
	rm -rf $(VENV) $(TEST_VENV) $(DOCS_VENV) site artifacts .mypy_cache .pytest_cache .ruff_cache
	rm -rf .import_linter_cache .hypothesis

browser: $(TEST_VENV)/.stamp
	@sh tools/setup_browser.sh $(BIN)/python

$(VENV)/.stamp: pyproject.toml
	@sh tools/make_venv.sh "$(PYTHON)" $(VENV)
	@echo "[set-up] installing priorlift with its core dependencies"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(TEST_VENV)/.stamp: pyproject.toml requirements/constraints-test.txt tools/install_torch.sh
	@sh tools/make_venv.sh "$(PYTHON)" $(TEST_VENV)
	@sh tools/install_torch.sh $(BIN)/python
	@echo "[set-up] installing priorlift with all extras (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		-c requirements/constraints-test.txt -e ".[all,test]"
	@touch $@

$(DOCS_VENV)/.stamp: pyproject.toml
	@sh tools/make_venv.sh "$(PYTHON)" $(DOCS_VENV)
	@echo "[set-up] installing what builds the documentation"
	@$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@touch $@
