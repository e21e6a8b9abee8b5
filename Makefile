# One verb a target. `make demo` and `make test` set everything up by themselves.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export UV_PYTHON_DOWNLOADS ?= never
export UV_PROJECT_ENVIRONMENT := .venv
export PREFECT_HOME ?= $(CURDIR)/.tocsin/prefect
PY := .venv/bin/python
unexport PYTHONDONTWRITEBYTECODE  # or each of the processes that the tests start compiles everything anew

.PHONY: help demo test bench check format lint types imports serve clean setup

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## the virtual environment, with locked dependencies

.venv/.ready: pyproject.toml uv.lock scripts/uv.txt scripts/setup
	@scripts/setup
	@touch $@

demo: setup ## the main job on made-up data, in ./demo-run
	@$(PY) -m console.main demo --folder demo-run

serve: setup ## console, flows and the minute's watch
	@$(PY) -m console.main serve

test: setup ## the whole suite
	@$(PY) -m pytest -q --numprocesses=5 --dist=worksteal

bench: setup ## every benchmark beside its peers, into docs/benchmarks.md (N=20000: the short form, on the screen only)
	@$(PY) benchmarks/run.py $(if $(N),$(N),--write docs/benchmarks.md)

format: setup
	@$(PY) -m ruff format .

lint: setup
	@$(PY) -m ruff format --check . && $(PY) -m ruff check .

types: setup
	@$(PY) -m mypy

imports: setup
	@.venv/bin/lint-imports

check: lint types imports test ## format, lint, types, import rules, tests

clean: ## remove what the demonstration made
	@rm -rf demo-run
