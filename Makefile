# make demo     the base install (no torch), the demo gallery, a replayed sketch, the page   (SERVE=0: without the page)
# make test     everything;  make test-fast  the inner loop;  make lint  style, types, imports;  make bench  timings
# make docs     the documentation as a site, in build/docs; a warning is an error

PYTHON = $(shell for candidate in python3.11 python3 python3.12 python3.13; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)
SERVE ?= 1
DEV := .venv-dev/bin

.PHONY: demo test test-fast test-paper lint docs bench browser

demo: .venv/.complete
	@.venv/bin/sketchseek demo $(if $(filter 0,$(SERVE)),--no-serve)

# Each of two workers computes in one thread: two pools of threads on the same cores would wait for one another.
test: .venv-dev/.complete browser
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -n 2 --dist loadfile --hypothesis-profile thorough

test-fast: .venv-dev/.complete
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -n 2 --dist loadfile -m "not slow"

# The first steps of every method's preset `paper` at its full size: some minutes, up to 8 GiB.
test-paper: .venv-dev/.complete
	SKETCHSEEK_PAPER_PRESETS=1 $(DEV)/python -m pytest tests/lab/test_paper_presets.py

lint: .venv-dev/.complete
	$(DEV)/ruff check
	$(DEV)/ruff format --check
	$(DEV)/mypy
	$(DEV)/lint-imports --no-logo
	@if $(MAKE) --silent node_modules/.complete 2>/dev/null; \
	then set -x; node_modules/.bin/tsc && node_modules/.bin/tsc --project tests/js; \
	else echo "the JavaScript is not type-checked: there is no npm, or it could not install TypeScript"; fi

docs: .venv-dev/.complete
	$(DEV)/python -m sphinx -W --keep-going -n -q -d build/doctrees docs build/docs

bench: .venv-dev/.complete
	@for benchmark in $(filter-out benchmarks/gpu_runs.py,$(wildcard benchmarks/*.py)); do $(DEV)/python $$benchmark || exit 1; done

# An environment is complete once .complete is there. One whose installation was interrupted is made anew, because
# pip takes a half-written package for an installed one. Every dependency is pinned in constraints.txt, so a change of
# dependencies changes that file.
.venv/.complete: EXTRAS =
.venv-dev/.complete: EXTRAS = [train,text,faces,cluster,docs,dev]
.venv/.complete .venv-dev/.complete: constraints.txt
	@test -n "$(PYTHON)" || { echo "Sketchseek needs Python 3.11 or newer; none was found on the PATH" >&2; exit 1; }
	@test ! -e $(@D)/.installing || rm -rf $(@D)
	@mkdir -p $(@D) && touch $(@D)/.installing
	@echo "installing into $(@D)"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".$(EXTRAS)"
	@rm $(@D)/.installing && touch $@

# TypeScript, which only `make lint` needs. Versions are exact in package.json; a lock file would name a registry's host.
node_modules/.complete: package.json
	@npm install --no-package-lock --no-audit --no-fund --silent --fetch-retries=1 --fetch-retry-mintimeout=1000
	@touch $@

# The page's tests drive a system Chromium; they are skipped where there is none and none can be installed.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit; done; \
	if [ "$$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root=sudo; else as_root=false; fi; \
	{ $$as_root apt-get update -qq && $$as_root apt-get install -qq -y chromium; } >/dev/null \
	|| echo "there is no Chromium and none could be installed: the page's tests will be skipped"
