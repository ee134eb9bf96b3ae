# Two commands: `make demo` sets everything up in .venv and runs the digits example;
# `make test` sets everything up and runs the tests. Needs Python 3.11+, git and make.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && command -v $$p && break; done)
BIN := .venv/bin
READY := .venv/ready
# Networks that inspect TLS add their certificates to the system's, and uv brings its own list.
UV := $(BIN)/python -m uv --system-certs

.PHONY: demo test check setup lock docs bench clean

demo: setup
	$(BIN)/ithaca run examples/digits/digits.ipynb

test: setup
	$(BIN)/pytest --numprocesses auto --dist loadgroup

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict --quiet

docs: setup
	$(BIN)/mkdocs serve

bench: setup
	$(BIN)/python -m benchmarks

setup: $(READY)

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Ithaca needs Python 3.11 to 3.13: install one, or say which: make PYTHON=/path/to/python3"; exit 2; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv || { echo "This Python has no venv module (on Debian: apt install python3-venv)"; rm -rf .venv; exit 2; }
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)"
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@$(BIN)/python -m compileall -q plugin backends
	@touch $@

lock:
	$(UV) pip compile pyproject.toml --group dev --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --upgrade -o requirements.lock

clean:
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
