# Everything sets itself up: .venv holds Python packages and Node, node_modules the CDK CLI. Nothing is installed outside this directory.
PYTHON ?= python3
ENVIRONMENT ?= dev
VENV   := .venv
BIN    := $(VENV)/bin
SERVING_IMAGE := constructs/mlplatform/batch_inference/serving
STUDIO_IMAGE := constructs/mlplatform/training_environment/image
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export CDK_DISABLE_CLI_TELEMETRY := true
# The certificates of the machine, so that setting up also works behind a company's proxy.
export UV_SYSTEM_CERTS := true
# What Python compiles is kept, in this directory as all else: without that, each process compiles it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults records reproductions conformance access-matrix lint synth synth-all up down bench bench-scaling lock image-registries run-record-schema clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready node_modules/.ready ## Install the locked Python packages, Node and the CDK CLI into this directory

$(VENV)/.ready: requirements.txt tools/bootstrap.txt pyproject.toml
	@echo "setup: creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(f"Python {sys.version.split()[0]} is too old: use 3.11 or newer, for example make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/bootstrap.txt
	@echo "setup: installing the locked Python packages"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m mllocal.images
	@touch $@

.tools/%/.ready: tools/%/requirements.txt $(VENV)/.ready
	@echo "setup: installing what tools/$* locks, in an environment of its own"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .tools/$*
	@VIRTUAL_ENV=$(CURDIR)/.tools/$* $(BIN)/uv pip sync --quiet --require-hashes tools/$*/requirements.txt
	@touch $@

node_modules/.ready: package-lock.json .npmrc $(VENV)/.ready
	@echo "setup: installing the CDK CLI"
	@npm ci --silent
	@touch $@

demo: setup ## Synthesize, deploy to the embedded AWS, train, forecast and show the result
	@$(BIN)/python -m examples.demand_forecast.demo

test: setup .tools/checkov/.ready .tools/access/.ready .tools/model-server/.ready ## Run every test, in two processes since most of their time is waiting
	@$(BIN)/pytest -p tests.order --numprocesses 2 --dist loadfile --no-loadscope-reorder

faults: setup ## Live through 200 random schedules of faults with batch inference on the embedded AWS, and check every output
	@FAULT_SCHEDULES=200 $(BIN)/pytest -s tests/local/batch_inference/test_fault_schedules.py

records: setup ## Replay a thousand events to the capture of the experiment store, and kill its functions anywhere for 200 seeds
	@REPLAYED_EVENTS=1000 KILLED_SEEDS=200 $(BIN)/pytest -s tests/unit/experiment_store/test_replayed_events.py \
		tests/unit/experiment_store/test_killed_anywhere.py

reproductions: setup ## Run 30 experiments again from their records, and 24 sabotaged ones, and print every verdict
	@ALL_REPRODUCTIONS=1 $(BIN)/pytest -q -s tests/local/reproduce

conformance: setup .tools/conformance/.ready .tools/conformance-sdk-2/.ready ## Run the tests against the sagemaker SDK, 3 and 2
	@for sdk in conformance conformance-sdk-2; do \
		PYTHONPATH=.:constructs:pipeline_definitions:records:scaling JSII_NODE=$(CURDIR)/$(BIN)/node MLPLATFORM_PYTHON=$(CURDIR)/$(BIN)/python \
			.tools/$$sdk/bin/python -m pytest -p no:cacheprovider -W ignore tests/conformance || exit 1; \
	done

access-matrix: setup ## Show what each role of three synthesized projects may do, in its own project and in others
	@$(BIN)/python -m tests.access

lint: setup ## Check style, types and the arrows between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

synth: setup ## Synthesize one environment into cdk.out (make synth ENVIRONMENT=dev)
	@cdk synth --quiet --no-notices --context environment=$(ENVIRONMENT)

synth-all: setup ## Synthesize every environment of platform.yaml, as CI does, without credentials
	@for environment in $$($(BIN)/python -c 'import yaml; print(*yaml.safe_load(open("platform.yaml"))["environments"])'); do \
		echo "synth: $$environment"; \
		cdk synth --quiet --no-notices --context environment=$$environment --output cdk.out/$$environment || exit 1; \
	done

up: setup ## Start the embedded AWS of this directory
	@$(BIN)/mlp up

down: setup ## Stop the embedded AWS of this directory
	@$(BIN)/mlp down

bench: setup benchmarks/synth_floor/node_modules/.ready ## Measure synth, step overhead, many executions, throughput and search beside their floors
	@$(BIN)/python -m benchmarks

bench-scaling: setup ## Play scaling policies beside AWS's defaults on held-out days (SCALING_TRACES=a.csv:b.csv for more traces)
	@$(BIN)/python -m benchmarks.scaling && $(BIN)/python -m benchmarks.scaling_events

benchmarks/synth_floor/node_modules/.ready: benchmarks/synth_floor/package-lock.json node_modules/.ready
	@echo "setup: installing aws-cdk-lib in JavaScript, the floor of the synth benchmark"
	@npm ci --silent --prefix benchmarks/synth_floor
	@touch $@

lock: $(VENV)/.ready ## Resolve the dependencies again and write the lock files
	uv pip compile --quiet --universal --generate-hashes --extra cli --extra local --extra dev --python-version 3.11 pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 tools/bootstrap.in -o tools/bootstrap.txt
	for tool in access checkov conformance conformance-sdk-2 model-server; do \
		uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 \
			tools/$$tool/requirements.in -o tools/$$tool/requirements.txt || exit 1; \
	done
	for input in local/mllocal/images/*/requirements.in $(SERVING_IMAGE)/requirements.in; do \
		folder=$$(dirname $$input); \
		uv pip compile --quiet --universal --generate-hashes --no-annotate --custom-compile-command "make lock" --python-version 3.11 $$input \
			$$(test -f $$folder/overrides.txt && echo --override $$folder/overrides.txt) -o $$folder/requirements.txt || exit 1; \
	done
	uv pip compile --quiet --universal --no-deps --generate-hashes --no-annotate --custom-compile-command "make lock" --python-version 3.11 \
		$(STUDIO_IMAGE)/requirements.in -o $(STUDIO_IMAGE)/requirements.txt
	npm install --package-lock-only
	npm install --package-lock-only --prefix benchmarks/synth_floor

image-registries: setup .tools/conformance/.ready ## Write the table of AWS's images by region again, from the sagemaker SDK
	@PYTHONPATH=.:constructs:pipeline_definitions:records:scaling .tools/conformance/bin/python -m tools.image_registries

run-record-schema: setup ## Write the JSON schema of run records again, from their dataclasses
	@$(BIN)/python -m tools.run_record_schema

clean: ## Remove everything that setup and runs created here
	rm -rf $(VENV) .tools node_modules cdk.out .mlp .pytest_cache .mypy_cache .ruff_cache
