# make help lists the targets.

PYTHON ?= /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin
RUN ?= -n sipexpress

.PHONY: help run test lint doc bench dist clean

help:
	@echo "make run    install into $(VENV) and start the server (RUN='-n sipexpress --router=...' for another one)"
	@echo "make test   install what the tests need (Debian's programs too, as root) and run them; T=tests.sip for some"
	@echo "make lint   ruff, mypy, house rules"
	@echo "make doc    build the documentation into doc/_build/html"
	@echo "make bench  compare with Kamailio at 1000 calls/s (needs root; 3 minutes)"
	@echo "make dist   build the wheel and the source distribution into dist/"
	@echo "make clean  remove what was built, $(VENV) included"

$(VENV)/base: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV) || { echo "apt install python3-venv first"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip >= 23' 'setuptools >= 68'
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/with-%: $(VENV)/base
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

run: $(VENV)/base
	$(BIN)/twistd $(RUN)

test: $(VENV)/with-test
	@sh tests/system/install.sh
	$(BIN)/python tests/run.py $(T)

lint: $(VENV)/with-test $(VENV)/with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

doc: $(VENV)/with-doc
	$(BIN)/sphinx-build -W --keep-going -q -b html doc doc/_build/html
	@echo "doc/_build/html/index.html"

bench: $(VENV)/with-test
	@sh tests/system/install.sh
	$(BIN)/python bench/run.py

dist: $(VENV)/with-test
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) build dist *.egg-info doc/_build .mypy_cache .ruff_cache _trial_temp*
