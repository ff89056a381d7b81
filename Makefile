# Everything a person types. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help setup dev weights console demo run test test-models test-product check format openapi clean eval-rho-bank eval-tasks \
	peers bench-pages bench-hostile bench-exact bench-decode bench-serving bench-longcontext bench-ask bench-embedding bench-ingest bench-search crash-index bench-retrieval bench-calibration bench-sentences bench-tools bench-multiquery bench-quality bench-experts train-hybrid train-experts train-vectors train-mixture ship bench-hybrid

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/' | column -t -s '-'

$(VENV)/.runtime: pyproject.toml
	@$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup: $(VENV)/.runtime weights console ## Virtual environment, weights, console

dev: $(VENV)/.dev ## What tests and checks need besides

weights: $(VENV)/.runtime
	$(BIN)/secretariat models pull

console: $(VENV)/.runtime ## Build the console if its sources changed
	$(BIN)/python scripts/build_console.py

demo: setup ## The main job, end to end (EVAL=1 judges all twenty tasks too)
	$(BIN)/secretariat demo $(if $(EVAL),--eval)

run: setup ## Start everything at http://127.0.0.1:8080 until Ctrl-C
	$(BIN)/secretariat run

test: dev weights console ## The whole suite, on real parts: models and the rest side by side
	$(BIN)/python scripts/find_chromium.py --install
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-models test-product

test-models:
	$(BIN)/python -m pytest -p no:cacheprovider tests/models

test-product:
	$(BIN)/python -m pytest -p no:cacheprovider --ignore tests/models

check: dev ## Lint, types, import contracts, sizes, drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src/secretariat tests
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_rules.py
	$(BIN)/python scripts/check_openapi.py
	$(BIN)/python scripts/build_console.py --check

eval-rho-bank: $(VENV)/.runtime weights ## Recall of required documents on the tau2 banking tasks
	$(BIN)/secretariat eval rho-bank ../shared/data/rho_bank --output benchmarks/results/rho-bank.json

eval-tasks: setup ## Judge the twenty tasks over the example handbook
	$(BIN)/secretariat eval tasks examples/tasks.yaml --output benchmarks/results/handbook.json

peers: dev weights ## What is measured against, outside the repository (llama.cpp needs cmake and ninja)
	$(BIN)/python -m benchmarks.peers.llama_cpp
	$(BIN)/python -m benchmarks.peers.embedders
	$(BIN)/python -m benchmarks.peers.judge

bench-exact: dev weights ## Equal bits over batches, chunks, caches, preemption and speculation
	$(BIN)/python -m benchmarks.exact

bench-decode: dev weights ## Decoding and prefill against llama.cpp and transformers
	$(BIN)/python -m benchmarks.decode

bench-serving: dev weights ## Sixteen readers, shared prefixes, an idle server
	$(BIN)/python -m benchmarks.serving

bench-retrieval: dev weights ## Search on public collections, and under permissions (embeds for minutes, once)
	$(BIN)/python -m benchmarks.retrieval

bench-calibration: dev weights ## How right search is about whether it found an answer; its weights, fitted anew
	$(BIN)/python -m benchmarks.calibrate

bench-sentences: dev ## The weights of a passage's sentences, fitted anew
	$(BIN)/python -m benchmarks.sentence_weights

bench-tools: dev weights ## The odds of tools for a request, fitted anew; how often what is wanted is offered
	$(BIN)/python -m benchmarks.tools

bench-multiquery: dev weights ## Whether questions that the chat model writes help search (minutes)
	$(BIN)/python -m benchmarks.multiquery

bench-quality: dev weights ## Answers, citations, calls and plans of MODELS (NAME+ADAPTER …) beside the base (an hour)
	$(BIN)/python -m benchmarks.quality $(MODELS)

bench-experts: dev weights ## The router, vectors beside LoRA, the mixture, two passes, five models in the room of two (MODEL=name-experts)
	$(BIN)/python -m benchmarks.experts $(if $(MODEL),--model $(MODEL))

bench-longcontext: dev weights ## A prompt of 262,144 tokens (up to an hour)
	$(BIN)/python -m benchmarks.longcontext

bench-embedding: dev weights ## Passages embedded a second against sentence-transformers and fastembed
	$(BIN)/python -m benchmarks.embedding

bench-ingest: dev weights ## Chunks a second into PostgreSQL and FAISS, against embedding alone
	$(BIN)/python -m benchmarks.ingest

bench-search: dev weights ## Search inside permissions against pgvector; revocation to effect
	$(BIN)/python -m benchmarks.search

crash-index: dev ## Kill what writes and reads an index a hundred times: the view equals the log's
	$(BIN)/python -m benchmarks.crash_index

bench-ask: dev weights ## From a question to its first cited words; a conversation of 300 turns
	$(BIN)/python -m benchmarks.ask

bench-pages: dev ## Text of PDF pages against bare PDFium; PDFS=folder measures over its files too
	$(BIN)/python -m benchmarks.pages $(PDFS)

bench-hostile: dev ## Read every file below FILES: deaths, hangs, memory, failures without a reason
	$(BIN)/python -m benchmarks.hostile $(FILES)

train-hybrid: dev weights ## secretariat-h-135m and its dense twin from SmolLM2, in stages of 150 minutes (PACKAGES=folder of .deb files)
	$(BIN)/python scripts/train_hybrid.py $(if $(PACKAGES),--packages $(PACKAGES)) $(if $(STAGE),--stage $(STAGE))

train-experts: dev weights ## Adapters for answers, calls, plans, forms and labels; a model that knows which answers (SETS=folder BASE=name)
	$(BIN)/python scripts/train_experts.py $(if $(SETS),--sets $(SETS)) $(if $(BASE),--base $(BASE)) $(foreach each,$(GUARD),--guard $(each)) $(if $(EXPERT),--expert $(EXPERT)) $(foreach each,$(START),--start $(each)) $(if $(ADOPT),--adopt)

train-vectors: dev weights ## Vectors by examples and by rewards beside an adapter, all of the same data (BASE=name)
	$(BIN)/python scripts/train_vectors.py $(if $(BASE),--base $(BASE)) $(if $(STAGE),--stage $(STAGE))

train-mixture: dev weights ## One network with a router out of the experts (BASE=name)
	$(BIN)/python scripts/train_mixture.py $(if $(BASE),--base $(BASE))

ship: $(VENV)/.runtime ## Put what was trained among what comes with the code (MODEL=name EXPERTS=folder)
	$(BIN)/python -m secretariat.models.commands --models-dir .secretariat/models ship $(MODEL) $(if $(EXPERTS),--experts $(EXPERTS))

bench-hybrid: dev weights ## The hybrid against its dense twin: unseen text, memory, decoding, sentences found again
	$(BIN)/python -m benchmarks.hybrid $(if $(PACKAGES),--packages $(PACKAGES))

format: dev ## Put the code into its one shape
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

openapi: dev ## Rewrite the OpenAPI document and the console's client
	$(BIN)/secretariat openapi console/openapi.json
	$(BIN)/python scripts/build_console.py --generate

clean: ## Remove what was built; data in .secretariat stays
	rm -rf $(VENV) console/node_modules platform/console/static
