# make help lists what there is to do.
PYTHON ?= python3
LAB_ARGS ?=
TEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := $(BIN)/python -m pip --disable-pip-version-check
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
LAB := $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb
ifeq ($(shell id -u),0)
LAB += --allow-root
endif

.PHONY: help setup lab test notebooks outputs site slides lint clean

help:  ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || grep '##' $(MAKEFILE_LIST)

setup: $(READY)  ## virtual environment with the pinned set, checked; the second run does nothing

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; choose one: make setup PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e .
	$(PIP) check
	$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements
	-$(BIN)/redn doctor
	@touch $@

lab: setup  ## JupyterLab on the first notebook; LAB_ARGS="--no-browser --port 8899" is passed on
	$(LAB) $(LAB_ARGS)

test: $(READY_TO_TEST)  ## every test: library, notebooks, browser; TEST_ARGS="-k losses" is passed on
	$(BIN)/python -m pytest $(TEST_ARGS)

$(READY_TO_TEST): $(READY)
	$(PIP) install -c constraints.txt -e '.[test]'
	$(PIP) check
	@touch $@

notebooks: setup  ## run every notebook in fast mode; copies, HTML and a table of seconds and memory under build/
	$(BIN)/python tests/notebooks/notebook_runner.py notebooks build

outputs: setup  ## run every notebook as written and store its outputs in it, as before a commit
	OMP_NUM_THREADS=1 REDN_PROGRESS=/dev/null $(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.timeout=600 --ExecutePreprocessor.startup_timeout=90 --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

site: setup  ## the suite as web pages under build/site, the microscope alive in one of them; needs npm once
	$(PIP) install -c constraints.txt -e '.[site]'
	OMP_NUM_THREADS=1 $(BIN)/python docs/site/build.py

slides: setup  ## the notebooks as slides under build/slides, with their stored outputs; needs npm
	$(BIN)/python docs/teaching/slides/build.py

lint: $(READY_TO_TEST)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:  ## remove what make made
	rm -rf $(VENV) build
