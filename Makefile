# `make demo` and `make test` do all their own set-up; see CONTRIBUTING.md for the rest.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TIERS = tflite or oldruntimes or trackers or systemd or arm64 or picamera or soak or vm

.PHONY: demo quick test test-slow test-tflite test-systemd test-arm64 test-picamera test-vm soak prove training check format schemas docs recording bench bench-tracking clean
demo: $(VENV)/.demo
	$(BIN)/passerby demo

# Tests run in one process more than the machine has cores, as some of them wait; PYTEST_WORKERS says another number.
# Bytecode is made once, first, and kept: without it every process that a test starts compiles the project anew.
export PYTHONDONTWRITEBYTECODE =
PARALLEL = $(BIN)/python -m compileall -q edge conversion training tests && \
  $(BIN)/pytest -n $(or $(PYTEST_WORKERS),$(shell echo $$(($$(nproc) + 1)))) --dist loadgroup --max-worker-restart 0

# Under a minute, for daily work: what neither starts processes nor waits, nor needs a broker.
quick: $(VENV)/.dev
	$(PARALLEL) -m "not (process or broker or golden or benchmark or strace or $(TIERS))" $(TESTS)

test: $(VENV)/.dev
	@VENV=$(VENV) .ci/programs mosquitto strace faketime openssl python3-tk Xvfb
	$(PARALLEL) $(TESTS)

# What does not fit .ci/run: run it whole before a change of the appliance is called done. Root only, more than an hour.
test-slow: test-vm soak

# Makes the isolated environments (3.6 GB in PASSERBY_CACHE or ~/.cache/passerby, once) and tests what runs in them.
test-tflite: $(VENV)/.dev
	@.ci/programs libusb strace
	$(BIN)/pytest -m "tflite or oldruntimes or trackers" --timeout 1800 $(or $(TESTS),tests/benchmarks tests/conversion tests/edge/sensor/inference/accelerators)

# Root only. Makes a Debian root file system (0.6 GB in PASSERBY_CACHE or ~/.cache/passerby, once) with libcamera.
test-picamera: $(VENV)/.dev
	@.ci/programs debootstrap
	$(BIN)/pytest -m picamera --timeout 1800 $(or $(TESTS),tests/edge/sensor/sources/libcamera)

# Root only. Make Debian root file systems (1.5 GB in PASSERBY_CACHE or ~/.cache/passerby, once) and install into them.
test-systemd: $(VENV)/.dev
	@.ci/programs debootstrap systemd-analyze
	$(BIN)/pytest -m systemd --timeout 1800 $(or $(TESTS),tests/systemd)

test-arm64: $(VENV)/.dev
	@.ci/programs debootstrap qemu-aarch64-static
	$(BIN)/pytest -m arm64 --timeout 1800 $(or $(TESTS),tests/systemd)

# Root only. Boots a virtual machine with Debian's kernel (its root file system: 0.4 GB in the cache, once).
test-vm: $(VENV)/.dev
	@.ci/programs debootstrap mkfs.ext4 qemu-system-x86_64
	$(BIN)/pytest -s -m vm --timeout 3600 $(or $(TESTS),tests/systemd/vm)

# Root only. Ten minutes of random faults; PASSERBY_SOAK_S and PASSERBY_SOAK_FAULTS make it shorter.
soak: $(VENV)/.dev
	@.ci/programs debootstrap systemd-analyze faketime
	$(BIN)/pytest -s -m soak --timeout 3600 $(or $(TESTS),tests/systemd)

# The claims of docs/privacy.md, one by one.
prove: $(VENV)/.dev
	@.ci/programs mosquitto strace
	$(BIN)/pytest -v -m privacy $(TESTS)

training: $(VENV)/.training

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

# Makes an isolated environment (0.7 GB in PASSERBY_CACHE or ~/.cache/passerby, once) with the trackers of others.
bench-tracking: $(VENV)/.dev
	$(BIN)/python -m benchmarks.tracking $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# python3-venv is a package of its own on Debian.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "make: $(PYTHON) is $$($(PYTHON) --version), expected Python 3.10 to 3.13; call make PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/programs python3-venv 2>/dev/null
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "make: $(PYTHON) cannot make a virtual environment, expected the package python3-venv; call apt-get install python3-venv as root" >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[openvino,demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[openvino,tflite,onnxruntime,pages,demo,conversion,dev]'
	@touch $@ $(VENV)/.demo

# Hundreds of megabytes, for who trains networks. The tests that need it run where it is.
$(VENV)/.training: $(VENV)/.dev
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[training]'
	@touch $@
