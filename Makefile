# Everything a person does with this repository. `make help` lists it.

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Two processes on any machine: what takes long in the tests is mostly waiting.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-unit test-fault soak test-mutations test-fuzz check vocabulary format bench bench-litellm docs docs-pages docs-figures lock compose-up compose-down clean clean-data

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

$(VENV)/made: requirements/run.lock requirements/meaning.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Pointsman needs Python 3.11 or newer on the PATH (or: make PYTHON=/path/to/python3)"; exit 1; }
	@echo "setting up $(VENV) (about half a minute the first time)"
	@$(PYTHON) -m venv $(VENV) || { echo "could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --require-hashes --no-deps -r requirements/meaning.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/made-dev: $(VENV)/made requirements/dev.lock
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/made-demo: $(VENV)/made requirements/demo.lock
	@$(PIP) install --require-hashes --no-deps -r requirements/demo.lock
	@touch $@

$(VENV)/made-bench: $(VENV)/made-dev $(VENV)/made-demo requirements/bench.lock
	@$(PIP) install --require-hashes -r requirements/bench.lock
	@touch $@

$(VENV)/made-docs: $(VENV)/made requirements/docs.lock
	@$(PIP) install --require-hashes -r requirements/docs.lock
	@touch $@

setup: $(VENV)/made ## make .venv with the pointsman command in it

demo: $(VENV)/made-demo ## route 3,609 real prompts through the real stack, and watch it learn
	@$(BIN)/pointsman demo $(ARGS)

up: $(VENV)/made ## start the embedded stack: NATS, the store and the four services
	@$(BIN)/pointsman up $(ARGS)

test: $(VENV)/made-dev $(VENV)/made-demo ## run every test
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-unit: $(VENV)/made-dev ## run the tests that need no server; seconds
	@$(BIN)/python -m pytest tests/unit tests/contract/test_messages.py $(ARGS)

test-fault: $(VENV)/made-dev ## inject faults into a running stack, and check that nothing is lost; 5 minutes
	@$(BIN)/python -m pytest tests/fault $(ARGS)

soak: $(VENV)/made-dev ## the same at random for MINUTES (30), from SEED (1) on, at RATE (40) decisions a second
	@FAULT_RATE=$(or $(RATE),40) SOAK_MINUTES=$(or $(MINUTES),30) SOAK_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/fault/test_soak.py -s $(ARGS)

test-mutations: $(VENV)/made-dev ## remove safeguards one by one, and check that the fault suite detects it
	@MUTATIONS=1 $(BIN)/python -m pytest tests/fault/test_mutations.py -rP $(ARGS)

test-fuzz: $(VENV)/made-dev ## send BODIES (100,000) mutated requests from SEED (1) on to a gateway; 3 minutes
	@FUZZ_BODIES=$(or $(BODIES),100000) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/attack/test_fuzz.py -s $(ARGS)

check: $(VENV)/made-dev ## format, lint, types, architecture, vocabulary
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.vocabulary

vocabulary: $(VENV)/made-dev ## list refused words and ambiguous names; PATHS="libs docs" for some
	@$(BIN)/python -m tools.vocabulary $(PATHS)

format: $(VENV)/made-dev ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/made-bench ## measure against floors and peers; results in benchmarks/results
	@$(BIN)/python -m benchmarks $(ARGS)

# LiteLLM has an environment of its own (750 MB): it needs older versions of our packages.
LITELLM := .venv-litellm
$(LITELLM)/made: requirements/bench-litellm.lock
	@$(PYTHON) -m venv $(LITELLM)
	@$(LITELLM)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r $<
	@touch $@

bench-litellm: $(VENV)/made-bench $(LITELLM)/made ## the same, with LiteLLM's proxy among the peers
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/made-docs ## build the documentation site in build/docs, which needs no network
	@$(BIN)/python -m sphinx --quiet --fresh-env --write-all --fail-on-warning --keep-going -c docs -d build/doctrees . build/docs
	@echo "build/docs/index.html"

docs-pages: $(VENV)/made-dev ## regenerate the pages that are made from the code and from results
	@$(BIN)/python -m docs.generate

docs-figures: $(VENV)/made-docs $(VENV)/made-dev $(VENV)/made-demo ## redraw the figures; NAMES="shadow benchmarks" for some
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m docs.figures.make_figures $(NAMES)

compose-up: ## docker compose up, built from this tree
	docker compose up --build

compose-down: ## stop it; the volumes stay
	docker compose down

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url
LOCK := $(COMPILE) pyproject.toml
lock: $(VENV)/made-dev ## pin the dependencies again, with hashes
	@$(LOCK) --extra embedded --extra dev --extra bench -o requirements/bench.lock
	@$(LOCK) --extra embedded --extra dev -c requirements/bench.lock -o requirements/dev.lock
	@$(LOCK) --extra embedded --extra docs -c requirements/bench.lock -o requirements/docs.lock
	@$(LOCK) --extra embedded --extra build --extra bedrock --extra tracing -c requirements/dev.lock -o requirements/run.lock
	@$(LOCK) --extra bedrock --extra tracing -c requirements/run.lock -o requirements/image.lock
	@printf 'wordllama==0.2.2.post0\ntokenizers\nsafetensors\n' | $(COMPILE) --no-deps - -c requirements/dev.lock -o requirements/meaning.lock
	@echo 'litellm[proxy]' | $(COMPILE) --only-binary :all: - -o requirements/bench-litellm.lock
	@echo hatchling | $(COMPILE) - -c requirements/run.lock -o requirements/build.lock

clean: ## remove everything that make created, but not what was learned
	rm -rf $(VENV) $(LITELLM) .mypy_cache .ruff_cache .pytest_cache .hypothesis build

DATA := data .demo
clean-data: ## delete data and .demo with everything learned; needs CONFIRM=yes
	@for folder in $(DATA); do \
		if pid=$$(cat $$folder/stack.lock 2>/dev/null) && [ -n "$$pid" ] && kill -0 "$$pid" 2>/dev/null; then \
			echo "a stack runs on $$folder (process $$pid); stop it first"; exit 1; fi; done
	@[ "$(CONFIRM)" = yes ] || { echo "this deletes $(DATA), with everything learned; to do so: make clean-data CONFIRM=yes"; exit 1; }
	rm -rf $(DATA)
