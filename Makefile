# make poster    set everything up, run the embedded study, print out/poster.pdf, paper.pdf, supplement.pdf and results.html
# make help      everything else

PYTHON  ?= python3
VENV    ?= .venv
OUT     ?= out
# Results to print: folders, separated by commas. Unset: the embedded study is run first.
RESULTS ?=
# The study that make reproduce runs and compares: one of manifests/reference.
STUDY   ?= embedded
# The poster's sheet: 48x36, a0-landscape or a0-portrait. A theme file of your own: team, address, logo, colours, fonts.
FORMAT  ?= 48x36
THEME   ?=
# PyTorch's build: cpu (some 200 MB) or cuda (gigabytes). Without an NVIDIA GPU the CPU build is taken.
TORCH   ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo cuda || echo cpu)

LOTTERY := $(VENV)/bin/lottery
PIP     := $(VENV)/bin/python -m pip --disable-pip-version-check
TORCH_PIN := $(shell grep '^torch==' requirements.txt)
CPU_INDEX := https://download.pytorch.org/whl/cpu

# What make poster prints beside the study it runs: results that ship, marked as such.
SHIPPED := $(filter-out manifests/reference/embedded,$(sort $(wildcard manifests/reference/*)))
comma := ,
empty :=
PRINT = "$(or $(RESULTS),$(subst $(empty) $(empty),$(comma),$(strip results/embedded $(SHIPPED))))" --out "$(OUT)" --format "$(FORMAT)" $(if $(THEME),--theme "$(THEME)")

.DEFAULT_GOAL := help
.PHONY: help setup wheel docs poster bundle records reproduce laptop bench test lint clean

help:
	@echo "make poster            out/poster.pdf, paper.pdf, supplement.pdf and results.html (runs the embedded study if needed)"
	@echo "make poster RESULTS=results/phase1,results/phase2"
	@echo "                       the same of records you have"
	@echo "make poster FORMAT=a0-portrait THEME=team.yaml"
	@echo "                       another sheet (48x36, a0-landscape, a0-portrait); your team, address, logo, colours"
	@echo "make bundle            the same, packed with records, manifests, environment and checksums: out/bundle.zip"
	@echo "make reproduce         run the embedded study and compare it, number by number, with the results that ship;"
	@echo "                       STUDY=criteria, precision, map, recovery, structured or ticket: one of those instead"
	@echo "make laptop            the laptop study: real language models from packages, on a processor alone (hours; it resumes)"
	@echo "make bench             measure this machine and the suite on it, and publish: ci/bench/results, docs (1.5 hours)"
	@echo "make setup             only $(LOTTERY), with every dependency pinned"
	@echo "make image, make sif   the container image for Docker or Podman, for Apptainer; make image-test builds and tries both"
	@echo "make wheel             a wheel that works without a clone, in dist/"
	@echo "make docs              the documentation as a site, in build/site"
	@echo "make lock, make sbom   the image's dependencies, resolved anew; its bill of materials"
	@echo "make test              the tests, lint and types"
	@echo "make clean             remove $(VENV) and $(OUT); results stay"
	@echo "TORCH=cpu or cuda      PyTorch's build (now: $(TORCH)); PYTHON=python3.11 the Python that makes $(VENV)"

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: Python 3.11 or newer is needed, and $(PYTHON) is older; say which with PYTHON=..."; exit 2; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "make: $(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 2; }
	@echo "installing PyTorch ($(TORCH) build) and the other dependencies into $(VENV) ..."
	@case "$(TORCH)" in \
		cpu) $(PIP) install --quiet --retries 1 --no-deps --extra-index-url $(CPU_INDEX) "$(TORCH_PIN)" ;; \
		cuda) ;; \
		*) echo "make: TORCH is cpu or cuda, not '$(TORCH)'"; exit 2 ;; \
	esac
	@$(PIP) install --quiet -r requirements.txt
	@$(PIP) install --quiet --no-deps -e .
	@touch $@
	@echo "ready: $(LOTTERY) --help"

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@$(PIP) install --quiet -r requirements-dev.txt
	@touch $@

$(VENV)/.ready-docs: $(VENV)/.ready requirements-docs.txt
	@$(PIP) install --quiet -r requirements-docs.txt
	@touch $@

poster: $(VENV)/.ready records
	@$(LOTTERY) report $(PRINT)

bundle: $(VENV)/.ready records
	@$(LOTTERY) bundle $(PRINT)

# The embedded study, unless there are results to print.
records: $(VENV)/.ready
ifeq ($(RESULTS),)
	@$(LOTTERY) run manifests/embedded.yaml --results results
endif

reproduce: $(VENV)/.ready
	@$(LOTTERY) run manifests/$(STUDY).yaml --results results
	@$(LOTTERY) compare results/$(STUDY) manifests/reference/$(STUDY)

# WikiText-2 and c4-sample come from the hub or a folder of LOTTERY_DATA.
laptop: $(VENV)/.ready
	@$(LOTTERY) run manifests/laptop.yaml manifests/laptop-whole.yaml manifests/laptop-criteria.yaml \
		manifests/laptop-recovery.yaml --results results

# On a machine that does nothing else: times are only as good as its quiet.
bench: $(VENV)/.ready
	@$(VENV)/bin/python ci/bench/publish.py

wheel: $(VENV)/.ready
	@$(PIP) wheel --quiet --no-deps --wheel-dir dist .

# Without a network. The variable silences an advertisement of Material's, which is no warning about these pages.
docs: $(VENV)/.ready-docs
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict
	@echo "build/site/index.html"

test: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n auto --dist loadfile
	$(MAKE) --no-print-directory lint

lint: $(VENV)/.ready-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy suite ci docs/hooks

include container/rules.mk

clean:
	rm -rf $(VENV) $(OUT)
