# Everything that a fresh machine needs: `make demo` and `make test` install what is missing, then run.
.PHONY: demo test check bench soak docs lock system clean

# The first Python that runs and is new enough.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
WORKERS ?= auto

demo: .venv/ready
	$(BIN)/python -m demo.demo

test: check
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/architecture
	$(BIN)/python scripts/generate_docs.py --check
	$(BIN)/python scripts/generate_readme.py --check
	$(BIN)/python scripts/generate_verifier.py --check

# Long, random, and not part of `make test`.
soak: .venv/ready
	$(BIN)/python -m pytest -m soak

bench: .venv/ready
	$(BIN)/python -m bench.run $(ARGS)

# The reference pages that are made from the code.
docs: .venv/ready
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/python scripts/generate_readme.py
	$(BIN)/python scripts/generate_verifier.py

system:
	scripts/system-packages

.venv/ready: requirements-dev.lock pyproject.toml | system
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Resolve the newest versions that pyproject.toml allows, and pin every one of them.
lock: | system
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check editables '.[dev]'
	.venv-lock/bin/python -m pip freeze --exclude storectl | grep -v '^storectl ' > requirements-dev.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
