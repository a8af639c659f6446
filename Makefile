# `make demo` and `make test` do all their own set-up; see CONTRIBUTING.md for the rest.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
export PASSERBY_SHARED ?= $(abspath ../shared)

.PHONY: demo test check format schemas docs recording bench clean
demo: $(VENV)/.demo
	$(BIN)/passerby demo

test: $(VENV)/.dev
	@.ci/programs mosquitto strace faketime openssl
	$(BIN)/pytest $(TESTS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.dev
	$(BIN)/passerby schema --write edge/schemas/json

docs: $(VENV)/.dev
	$(BIN)/passerby config schema --markdown > docs/settings.md
	$(BIN)/passerby config show --defaults --comments > systemd/passerby.toml

recording: $(VENV)/.dev
	$(BIN)/passerby demo 2>/dev/null | $(BIN)/python docs/record_terminal.py "make demo" docs/demo.svg

bench: $(VENV)/.dev
	$(BIN)/passerby bench

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# python3-venv is a package of its own on Debian.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "make: $(PYTHON) is $$($(PYTHON) --version), expected Python 3.10 to 3.13; call make PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/programs python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[openvino,demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[openvino,tflite,onnxruntime,pages,demo,conversion,dev]'
	@touch $@ $(VENV)/.demo
