# make test    every test, on one Python
# make demo    build a fix, patch a live web application, show it, undo it
# Both make their own .venv from `python3`, or from PYTHON=...; another version makes it anew.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)

.PHONY: test demo lint clean

test: $(READY)
	$(BIN)/python -m pytest

demo: $(READY)
	@$(BIN)/python samples/webapp/demo.py

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

$(READY): pyproject.toml runtime/pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "hotbuild needs Python 3.11 or newer; $(PYTHON) was not found. Give one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hotbuild needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Give one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@if [ -e $(VENV)/pyvenv.cfg ]; then rm -rf $(VENV); fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ./runtime -e '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
