# A machine with python3, pip, git and make is enough. Nothing has to be activated.
#   make demo    the guided path on the support case; the last line says where the report is
#   make test    everything: ruff, mypy, pytest with doctests, the pages by nbval, the browser tests
#   make lab     the pages in JupyterLab
#   make voila   the path as an app in the browser, on a copy of the support case in out/
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin

# `python3 -m venv` alone needs ensurepip, which Debian ships apart; pip fills an empty one as well. uv is faster.
UV := $(shell command -v uv 2>/dev/null)
ifeq ($(UV),)
VENV := $(PYTHON) -m venv --without-pip .venv
INSTALL := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet --no-compile
else
VENV := $(UV) venv --quiet --python $(PYTHON) .venv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
endif

# Small matrices: more threads are slower, and two test workers share the machine already.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: demo test test-voila lab voila pages pictures bench card card-long check samples clean

demo: .venv/installed
	@mkdir -p out
	@$(BIN)/ipo-nb demo support -o out/support.html

# Each page runs in an empty folder of its own: two pages may save the same file, and a reader's files stay untouched.
test: check
	@rm -rf out/pages && mkdir -p out/pages
	@for page in notebooks/*.ipynb; do \
	  folder=out/pages/$$(basename $$page .ipynb) && mkdir $$folder && cp $$page $$folder || exit 1; done
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --nbval-lax --nbval-current-env \
	  tests ipo_nb out/pages/*/*.ipynb

# The acts on board and grid once more, in Voila: about six minutes.
test-voila: .venv/installed-test
	IPO_NB_VOILA=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/browser/test_board.py tests/browser/test_grid.py -k voila

check: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: .venv/installed
	@$(BIN)/ipo-nb lab

# A copy, made once: the app saves into the map that it is given.
voila: .venv/installed
	@test -e out/voila/map.yml || { mkdir -p out/voila && cd sample_data/support && \
	  cp inventory.csv series.csv map.yml ../../out/voila; }
	@$(BIN)/ipo-nb app out/voila/map.yml

pages: .venv/installed-test
	$(BIN)/python notebooks/build.py

# README's pictures, taken in Chromium from the real thing.
pictures: .venv/installed-test
	$(BIN)/python docs/pictures.py

samples: .venv/installed
	$(BIN)/python -m ipo_nb.samples

# The short card takes minutes, the long one an hour or two; it is written into README.
card: .venv/installed
	$(BIN)/ipo-nb card --jobs $(JOBS)

card-long: .venv/installed
	$(BIN)/ipo-nb card --long --jobs $(JOBS) -o README.md

bench: .venv/installed-bench
	@for work in first regression inference screen within shares widgets; do $(BIN)/python benchmarks/$$work.py || exit 1; done

clean:
	rm -rf .venv out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps, so that a second run installs nothing.
.venv/bin/python:
	@echo "Making .venv ..." >&2
	@$(VENV)

.venv/installed: pyproject.toml | .venv/bin/python
	@echo "Installing ipo_nb into .venv (a few minutes the first time) ..." >&2
	@$(INSTALL) -e .
	@touch $@

.venv/installed-test: pyproject.toml | .venv/bin/python
	@echo "Installing ipo_nb and its test tools into .venv ..." >&2
	@$(INSTALL) -e ".[test]"
	@touch .venv/installed $@

.venv/installed-bench: .venv/installed-test
	@$(INSTALL) -e ".[test,bench]"
	@touch $@
