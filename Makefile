# Everything is set up by the target that needs it. PYTHON=… chooses a Python, ARGS=… goes to the program that is run.

VENV := .venv
PY   := $(VENV)/bin/python

.PHONY: help setup run test test-exe conformance fuzz machine monkey golden gallery screenshots formulas check format bench bench-readme \
	exe icon clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/dev.done  ## make .venv with all that the app and its tests need

run: $(VENV)/run.done  ## start Pullback; ARGS=program.py opens a file
	@$(PY) app.py $(ARGS)

test: $(VENV)/dev.done  ## run the tests; ARGS="-k seed" goes to pytest
	@sh scripts/with_display.sh $(PY) -m pytest $(ARGS)

test-exe: $(VENV)/dev.done exe  ## build the executable, install it in a clean root, and test it there; PACK=--fast is quicker
	@for tool in Xvfb xdotool openbox desktop-file-validate; do \
		command -v $$tool >/dev/null || { sh scripts/apt_install.sh xvfb xdotool openbox desktop-file-utils; break; }; done
	@$(PY) -m pytest tests/exe -m exe $(ARGS)

conformance: $(VENV)/dev.done  ## compare every operation of torch with torch's own engine (long)
	@sh scripts/with_display.sh $(PY) -m pytest -m conformance --timeout 0 $(ARGS)

fuzz: $(VENV)/dev.done  ## 10,000 damaged files of each kind, 200 kills during saves; ARGS="--count 500 lesson" goes to the first
	@$(PY) -m tests.faults.fuzz $(ARGS)
	@$(PY) -m tests.faults.kills

machine: $(VENV)/dev.done  ## the window as a state machine, a hundred times; ARGS="--examples 20 --seed 1"
	@sh scripts/with_display.sh $(PY) -m tests.faults.machine $(ARGS)

monkey: $(VENV)/dev.done  ## ten minutes of random events on the real window; ARGS="--minutes 1 --seed 7"
	@sh scripts/with_display.sh $(PY) scripts/monkey.py $(ARGS)

golden: $(VENV)/dev.done  ## redraw the pictures that tests compare with; ARGS=--record records them too
	@$(PY) -m tests.gui.test_golden $(ARGS)

gallery: $(VENV)/dev.done  ## draw real programs into build/gallery, to be looked at
	@$(PY) scripts/gallery.py $(ARGS)

screenshots: $(VENV)/dev.done  ## the window in both themes, both languages and three sizes, into build/screenshots
	@sh scripts/with_display.sh $(PY) scripts/screenshots.py $(ARGS)

formulas: $(VENV)/dev.done  ## write torch's formulas of its nodes into assets, after torch was exchanged
	@$(PY) scripts/make_formulas.py $(ARGS)

check: $(VENV)/dev.done  ## lint and types
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

format: $(VENV)/dev.done  ## rewrite the code in the project's format
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

bench: $(VENV)/bench.done  ## time recording beside plain runs and beside its peers
	@$(PY) -m bench $(ARGS)

bench-readme: $(VENV)/bench.done  ## the same, and write the table into README.md
	@$(PY) -m bench --readme

exe: build/venv/exe.done  ## build the executable into dist/pullback; on Linux a .deb and a .tar.xz beside it
	@build/venv/bin/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build/pyinstaller build.spec
	@if [ "$$(uname)" = Linux ]; then build/venv/bin/python scripts/make_packages.py $(PACK); fi

icon: $(VENV)/dev.done  ## draw the icon in all sizes
	@$(PY) scripts/make_icon.py

clean:  ## remove all that was made here, the environment too
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY) build/venv/bin/python:
	@sh scripts/make_venv.sh $(patsubst %/bin/python,%,$@)

$(VENV)/run.done: requirements.txt
$(VENV)/dev.done: requirements-dev.txt requirements.txt
$(VENV)/bench.done: requirements-bench.txt requirements.txt

build/venv/exe.done: requirements-exe.txt requirements.txt | build/venv/bin/python
	@echo "Installing $< into build/venv (once; torch takes a minute or two)"
	@build/venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(VENV)/%.done: | $(PY)
	@echo "Installing $< into $(VENV) (once; torch takes a minute or two)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
