# What to do with the template; `make help` lists it. Needs Python 3.11 or later; uv is used where
# it is installed.

# Another version than the default gets an environment of its own: make test PYTHON=3.13
PYTHON :=
VENV := .venv$(if $(PYTHON),-$(PYTHON))
OUTPUT := ..
ARGS :=
EXAMPLES := 300
SEED := $(shell date +%s)
# Compiled modules are kept, whatever the shell says: `make test` starts many processes.
export PYTHONDONTWRITEBYTECODE :=
# For each interface one variant, each on another database, and what is tried with them.
LOWEST := (both-downloads-sqlite or html-postgresql or api-mysql) and (suite or walk or migrations)

.PHONY: help new test lowest busy fuzz mutants check lock audit timing benchmark growth pictures portable

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

new: $(VENV)/new ## Create an app after six questions (OUTPUT=folder; ARGS goes to cookiecutter)
	$(VENV)/bin/cookiecutter --output-dir '$(OUTPUT)' '$(CURDIR)' $(ARGS)

test: $(VENV)/dev ## Test all 18 variants, on every core (ARGS goes to pytest; PYTHON=3.13)
	$(VENV)/bin/pytest -n auto $(ARGS)

lowest: $(VENV)/dev ## Test three variants with the oldest versions that they allow
	RESOLUTION=lowest-direct $(VENV)/bin/pytest -n auto tests/test_variants.py -k '$(LOWEST)' $(ARGS)

busy: $(VENV)/dev ## Test ten times, in five orders, while other work keeps every core busy
	$(VENV)/bin/python -m tools.busy $(VENV)/bin/pytest -n auto $(ARGS)

fuzz: $(VENV)/dev ## Try new examples (EXAMPLES=300 for each operation; SEED=number repeats a run)
	@echo "Seed $(SEED). To repeat this run: make fuzz SEED=$(SEED) EXAMPLES=$(EXAMPLES)"
	FUZZING_EXAMPLES=$(EXAMPLES) FUZZING_SEED=$(SEED) \
	    $(VENV)/bin/pytest -n 2 tests/test_fuzzing.py $(ARGS)

mutants: $(VENV)/dev ## Check that tests notice changes of the app's code (takes hours; continues where it stopped)
	$(VENV)/bin/python -m tools.mutants $(ARGS)

check: $(VENV)/dev ## Lint, format and types of the template's own Python
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

lock: $(VENV)/dev ## Lock the dependencies of the apps (ARGS=--upgrade for newer versions)
	$(VENV)/bin/python -m tools.lock $(ARGS)

audit: $(VENV)/dev ## Scan a new app with bandit, pip-audit and wapiti (takes minutes)
	$(VENV)/bin/python -m tools.audit

timing: $(VENV)/dev ## Check that response times don't reveal who has an account (takes minutes)
	$(VENV)/bin/python -m benchmarks.timing $(ARGS)

benchmark: $(VENV)/dev ## Compare the cost of requests with other apps (takes minutes)
	$(VENV)/bin/python -m benchmarks.side_by_side $(ARGS)

growth: $(VENV)/dev ## Measure requests with many accounts (ARGS='--accounts 1000000'; takes minutes)
	$(VENV)/bin/python -m benchmarks.growth $(ARGS)

pictures: $(VENV)/dev ## Take the pictures in docs/pictures again (needs Chromium)
	$(VENV)/bin/python -m tools.pictures

portable: ## Write the template with delimiters that Windows and cruft accept (OUT=folder)
	python3 tools/portable.py '$(OUT)'

# The path of the version that was asked for, which pyenv too has to be told.
FIND = PYENV_VERSION=$(PYTHON) python$(or $(PYTHON),-none) -c 'import sys; print(sys.executable)'

# An environment to render with, and one to test with in the same place.
$(VENV)/new: EXTRA :=
$(VENV)/dev: EXTRA := [dev]
$(VENV)/new $(VENV)/dev: pyproject.toml
	@if command -v uv > /dev/null; then \
	    echo "Installing into $(VENV) with uv"; \
	    python=$$($(FIND) 2> /dev/null || echo '$(or $(PYTHON),>=3.11)'); \
	    test -d $(VENV) || uv venv --quiet --python "$$python" $(VENV); \
	    uv pip install --quiet --python $(VENV) '.$(EXTRA)'; \
	else \
	    for python in $(if $(PYTHON),$$($(FIND) 2> /dev/null),python3 python3.14 python3.13 python3.12 python3.11) none; do \
	        $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && break; \
	    done; \
	    test $$python != none || { echo "Python $(or $(PYTHON),3.11 or later) is needed: https://www.python.org"; exit 1; }; \
	    echo "Installing into $(VENV) with $$python and pip"; \
	    $$python -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check '.$(EXTRA)'; \
	fi
	@touch $@
