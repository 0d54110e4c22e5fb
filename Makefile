# `make run` and `make test` are all that one needs, and each makes what it needs first; `make help` tells the rest.

PORT ?= 8000
export PORT

VENV := .venv
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py
# A server of its own is for people of its own: no demonstration there.
ELSEWHERE := $(DATABASE_URL)$(DATABASE_URL_FILE)

.PHONY: help
help:
	@echo "make run              everything up to the running site, with a small generated demonstration"
	@echo "make run DATA=FOLDER  the same with real data from the files of that folder"
	@echo "make run PORT=8001    the same on another port"
	@echo "make test             all tests but those that take long; ARGS=... goes to pytest"
	@echo "make soak             the tests that take long"
	@echo "make lint             format, style, types, requirements; make format mends what it can"
	@echo "make bench            measurements; FULL=1 takes the large sizes"
	@echo "make setup            .venv alone"
	@echo "make requirements     compile requirements/*.in; UPGRADE=1 takes the newest versions"

# Compared by content: a fresh checkout changes the dates of files, and that alone is no reason to install again.
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
	@# It ends with 3 when it refused some records, has said which, and has loaded the rest.
	@$(MANAGE) load_data "$(DATA)" || test $$? -eq 3
	@$(MANAGE) fire_registry_signals
	@# The same run the whole day (UTC): what a second start finds otherwise is written anew.
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
	@$(PY) -m pytest -n logical -m "not soak" --durations=20 $(ARGS)

.PHONY: soak
soak: setup
	@$(PY) -m pytest -m soak $(ARGS)

.PHONY: lint
lint: setup
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@sh requirements/compile --check

.PHONY: format
format: setup
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

.PHONY: bench
bench: setup
	@$(PY) -m bench $(if $(FULL),--full)

.PHONY: requirements
requirements: setup
	@sh requirements/compile $(if $(UPGRADE),--upgrade)
