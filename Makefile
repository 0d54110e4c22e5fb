# `make run` and `make test` prepare everything that they need; `make help` lists the other targets.

PORT ?= 8000
export PORT

VENV := .venv
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py
# No demonstration on a server that the environment names.
ELSEWHERE := $(DATABASE_URL)$(DATABASE_URL_FILE)

.PHONY: help
help:
	@echo "make run              start the site with a generated demonstration"
	@echo "make run DATA=FOLDER  start the site with data from the files in FOLDER"
	@echo "make run LIVE=1       start the site with data from the SEC and ClinicalTrials.gov; QUERY=TERMS limits the trials"
	@echo "make run PORT=8001    start the site on another port"
	@echo "make test             run all tests but the long ones; ARGS=... goes to pytest"
	@echo "make test SERVER=both run tests of schema and migration on the embedded and an ordinary server (or SERVER=ordinary)"
	@echo "make soak             run the long tests"
	@echo "make lint             check format, style, types, imports, spelling, requirements and generated pages"
	@echo "make format           format the code and fix style errors"
	@echo "make docs             update the generated part of docs/architecture.md"
	@echo "make bench            measure; FULL=1 takes the large sizes"
	@echo "make pictures         take pictures of every page and compare them; ARGS=--accept accepts them"
	@echo "make setup            create .venv"
	@echo "make requirements     compile requirements/*.in; UPGRADE=1 takes the newest versions"

# Compared by content: a fresh checkout changes modification times.
.PHONY: setup
setup:
	@cmp -s requirements/dev.txt $(VENV)/installed.txt && $(PY) -c "" || sh requirements/install $(VENV)

.PHONY: run
run: setup
	@$(MANAGE) require_port
	@echo "Preparing the database"
	@$(MANAGE) migrate --verbosity 0 --skip-checks
	@$(MANAGE) migrate_alembic
ifneq ($(DATA),)
	@# Exit code 3: some records were rejected and listed, the others are loaded.
	@$(MANAGE) load_data "$(DATA)" || test $$? -eq 3
	@$(MANAGE) fire_registry_signals
	@# One run a day (UTC): a second start overwrites scores that have changed.
	@$(MANAGE) score_trials --run-id "daily-$$(date -u +%F)" --replace
else ifneq ($(LIVE),)
	@$(MANAGE) fetch_sec_tickers --load || test $$? -eq 3
	@$(MANAGE) fetch_ctgov --since auto $(if $(QUERY),--query "$(QUERY)") --load || test $$? -eq 3
	@$(MANAGE) match_sponsors
	@$(MANAGE) fire_registry_signals
	@$(MANAGE) score_trials --run-id "daily-$$(date -u +%F)" --replace
else ifeq ($(ELSEWHERE),)
	@$(MANAGE) load_demonstration --if-empty
endif
ifeq ($(ELSEWHERE),)
	@$(MANAGE) create_demonstration_users
else
	@$(MANAGE) collectstatic --no-input --verbosity 0
endif
	@$(MANAGE) runserver

.PHONY: test
test: setup
	@$(PY) -m pytest -n logical --dist worksteal -m "not soak" --durations=20 --server $(or $(SERVER),embedded) $(ARGS)

.PHONY: soak
soak: setup
	@$(PY) -m pytest -m soak --server $(or $(SERVER),both) $(ARGS)

.PHONY: lint
lint: setup
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo --no-cache
	@$(PY) -m codespell_lib . .ci/run
	@$(PY) -m docs.architecture --check
	@$(PY) -m ncfd_site.schema.lint
	@sh requirements/compile --check

.PHONY: format
format: setup
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

.PHONY: docs
docs: setup
	@$(PY) -m docs.architecture

.PHONY: bench
bench: setup
	@$(PY) -m bench $(if $(FULL),--full)

.PHONY: pictures
pictures: setup
	@$(PY) -m tests.visual $(ARGS)

.PHONY: requirements
requirements: setup
	@sh requirements/compile $(if $(UPGRADE),--upgrade)
