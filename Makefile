# make run: the default study. make test: the tests. Both make .venv first, once.

VENV ?= .venv
CORES ?= all
ARGS ?=
ARCHIVE ?=
VARIANTS ?= tiny e5
BIN := $(abspath $(VENV))/bin
# What rules start by name comes from the environment too.
IN_ENV := PATH="$(BIN):$$PATH"
export VENV PYTHON TORCH_INDEX

.DEFAULT_GOAL := help
.PHONY: help setup run overtrain prose test slurm-test browser-test testbed bench bench-corpora bench-decoding bench-scale \
	comet-check lint lock clean

help:  ## Show this list
	@echo "usage: make TARGET [VARIABLE=value ...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile
	@echo "variables:"
	@echo "  CORES        how many cores make run uses (all)"
	@echo "  ARGS         more arguments for snakemake or pytest, such as ARGS=--dry-run"
	@echo "  PYTHON       the CPython 3.11 to build the environment from"
	@echo "  ARCHIVE      a local copy of the testbed's archive, where GitHub cannot be reached"
	@echo "  VARIANTS     what make comet-check measures (tiny e5)"
	@echo "  VENV         where the environment lies (.venv)"
	@echo "  TORCH_INDEX  a package index that has the wanted build of torch (docs/dependencies.md)"

setup:  ## Make the Python environment from requirements.lock
	@envs/setup.sh

run: setup  ## Run the default study; a second time does only what is new
	@$(IN_ENV) snakemake --cores $(CORES) $(ARGS)

overtrain: setup  ## Run the over-training study: language models of 20 to 233 thousand weights, about half an hour
	@$(IN_ENV) snakemake --cores $(CORES) --configfile studies/overtrain.yaml $(ARGS)

prose: setup  ## Run the small prose study: manuals from Debian's packages, one task, three mixtures, a quarter of an hour
	@$(IN_ENV) snakemake --cores $(CORES) --configfile studies/prose-small.yaml $(ARGS)

test: setup  ## Run all tests: the unit tests, then a tiny study through the whole pipeline
	@$(IN_ENV) python -m pytest -n 2 --durations=20 tests/unit $(ARGS)
	@$(IN_ENV) python -m pytest -n 2 --dist loadfile --durations=20 tests/pipeline $(ARGS)

slurm-test: setup  ## Run a tiny study and its accidents on a real Slurm, installed from Debian's packages
	@tests/slurm/install
	@$(IN_ENV) python -m pytest --durations=20 tests/slurm $(ARGS)

browser-test: setup  ## Open the report in a headless Chromium, installed from Debian's package
	@tests/browser/install
	@$(IN_ENV) python -m pytest --durations=10 tests/browser $(ARGS)

testbed: setup  ## Score both estimators on the 104 models of Gadre et al. 2024
	@$(IN_ENV) downlaw testbed gadre2024 --estimator paper $(if $(ARCHIVE),--archive $(ARCHIVE))
	@$(IN_ENV) downlaw testbed gadre2024 --estimator downlaw $(if $(ARCHIVE),--archive $(ARCHIVE))

bench: setup  ## Compare the fitter with public alternatives, and write results/speed.csv
	@$(IN_ENV) python -m benchmarks --csv results/speed.csv $(ARGS)

bench-scale: setup  ## Measure how planning, status and tables grow up to 10,000 runs
	@$(IN_ENV) python -m benchmarks.scale --csv results/scale.csv $(ARGS)

bench-corpora: setup  ## Compare how fast text is tokenized and binarized, and write results/corpora_speed.csv
	@$(IN_ENV) python -m benchmarks.corpora speed --csv results/corpora_speed.csv $(ARGS)

bench-decoding: setup  ## Compare how fast test text is translated; after make run
	@$(IN_ENV) python -m benchmarks.decoding --csv results/decoding.csv $(ARGS)

CHECK = results/comet-check/$(1)
comet-check: setup  ## Train comet-local on the default study's text, and measure it beside chrF and BLEU
	@$(foreach variant,$(VARIANTS),$(IN_ENV) snakemake --cores $(CORES) --config results=$(call CHECK,$(variant)) \
		'evaluate={comet_local: {variant: $(variant)}}' $(ARGS) -- \
		$(call CHECK,$(variant))/evaluate/comet_local/README.md &&) true
	@cat $(foreach variant,$(VARIANTS),$(call CHECK,$(variant))/evaluate/comet_local/README.md)

lint: setup  ## Check the style of code and rules
	$(IN_ENV) ruff check .
	$(IN_ENV) ruff format --check .
	$(IN_ENV) snakefmt --check Snakefile rules
	$(IN_ENV) snakemake --lint

lock: setup  ## Resolve requirements.in anew into requirements.lock
	@envs/lock.sh

clean:  ## Remove what builds and tests leave; never results, never the environment
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	@find downlaw scripts tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
