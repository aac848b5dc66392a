# Likewise: `make run` starts the demo city, `make test` runs every test. Both install what is missing.
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
ARGS ?=

.PHONY: run test lint format train lock tensorflow bench-road bench-understanding bench-nlu bench-console clean help

help: ## what make can do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: $(VENV)/.installed ## install, train if stale, migrate, load the demo city, serve
	@$(PYTHON) -m bot serve --demo

test: $(VENV)/.installed-dev ## every test; ARGS="-k crash" goes on to pytest
	@$(PYTHON) -m bot train
	@$(PYTHON) -m pytest $(ARGS)

lint: $(VENV)/.installed-dev ## ruff, mypy and the import contracts
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev ## put the code into shape
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

train: $(VENV)/.installed ## train the model if what it is made of has changed
	@$(PYTHON) -m bot train

bench-road: $(VENV)/.installed-dev ## how long a turn takes, through the whole road
	@$(PYTHON) bench/road.py

bench-understanding: $(VENV)/.installed-dev ## how well the held-out sets are understood
	@$(PYTHON) bench/understanding.py

bench-console: $(VENV)/.installed-dev ## the console with a million messages, on both databases
	@$(PYTHON) bench/console.py $(ARGS)

bench-nlu: .venv-bench/.installed ## our classifier beside Rasa's default pipeline
	@.venv-bench/bin/python bench/nlu.py $(ARGS)

lock: .uv/bin/uv ## resolve the dependencies anew (hashes, no addresses)
	@for set in runtime dev tensorflow; do \
	  extra=$$( [ $$set = dev ] && echo "--extra dev"; [ $$set = tensorflow ] && echo "--extra tensorflow" ); \
	  $(UV) pip compile -q --python-version 3.10 --generate-hashes --no-emit-index-url --no-header \
	    --no-annotate $$extra pyproject.toml -o requirements/$$set.txt || exit 1; \
	done

tensorflow: $(VENV)/.installed ## add TensorFlow, for pipelines of your own that need it
	@$(UV) pip install -q --python $(PYTHON) --require-hashes -r requirements/tensorflow.txt

clean: ## remove what was installed and made (never the data folder)
	@rm -rf $(VENV) .venv-bench .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info build

.uv/bin/uv:
	@command -v uv >/dev/null 2>&1 || { echo "install   uv, into .uv"; python3 -m venv .uv && .uv/bin/pip install -q uv; }

.venv-bench/.installed: requirements/tensorflow.txt | .uv/bin/uv
	@echo "install   Rasa with TensorFlow, for the comparison"
	@$(UV) venv -q --allow-existing --python 3.10 .venv-bench
	@$(UV) pip sync -q --python .venv-bench/bin/python --require-hashes requirements/tensorflow.txt
	@touch $@

# The development set holds the runtime set, so either satisfies `run`.
$(VENV)/.installed: requirements/runtime.txt pyproject.toml | .uv/bin/uv
	@if [ -e $(VENV)/.installed-dev ]; then touch $@; else \
	  echo "install   Python packages" && \
	  $(UV) venv -q --allow-existing --python 3.10 $(VENV) && \
	  $(UV) pip sync -q --compile-bytecode --python $(PYTHON) --require-hashes requirements/runtime.txt && \
	  $(UV) pip install -q --python $(PYTHON) --no-deps --no-build-isolation -e . && touch $@; fi

$(VENV)/.installed-dev: requirements/dev.txt pyproject.toml | .uv/bin/uv
	@echo "install   Python packages for development"
	@$(UV) venv -q --allow-existing --python 3.10 $(VENV)
	@$(UV) pip sync -q --compile-bytecode --python $(PYTHON) --require-hashes requirements/dev.txt
	@$(UV) pip install -q --python $(PYTHON) --no-deps --no-build-isolation -e .
	@touch $@
