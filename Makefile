# Needs Python 3.11+, make and the package index; everything else is set up here.
PYTHON ?= python3
PORT ?= 8000
WORKERS ?= on
STAGE ?= dev
LINTS := cloudformation_finds_nothing_wrong
BIN := .venv/bin
READY := .venv/.ready

# Measuring takes as long again as the tests do, so what covers nothing that others do not is left unmeasured: processes
# of others, the laptop's stack, thousands of schedules, every route with bad keys and bad requests. The stores are
# tested twice: on moto, which refuses what DynamoDB does, and measured on the lean engine.
UNMEASURED := tests/local tests/clients tests/faults tests/lean tests/dialects/fuzz \
	$(addprefix tests/dialects/test_,every_route.py hostile_requests.py hostile_parameters.py abuse.py threats.py) \
	$(addprefix tests/service/,test_two_workers.py test_restart_storms.py failure_callbacks/test_losses.py)

.PHONY: help demo serve test check format package lock faults bench clean

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Reprise needs Python 3.11 or newer (make PYTHON=python3.11 ...)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(READY)

# Real clients, which the contract tests run: each in a folder of its own, since they exclude each other.
RETABS := 0.0.137 0.0.142 0.0.160
CLIENTS := .venv/clients/.ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(CLIENTS): $(READY) tests/clients/retab.txt tests/clients/qstash.txt tests/clients/camunda.txt tests/clients/upstash/package-lock.json tests/clients/restate/package-lock.json
	rm -rf .venv/clients
	$(INSTALL) --target .venv/clients/qstash -r tests/clients/qstash.txt
	$(INSTALL) --target .venv/clients/camunda -r tests/clients/camunda.txt
	for client in upstash restate; do \
	mkdir -p .venv/clients/$$client && cp tests/clients/$$client/package*.json .venv/clients/$$client && \
	if command -v npm; then (cd .venv/clients/$$client && npm ci --ignore-scripts --no-audit --no-fund); \
	else echo "There is no npm here: the tests with $$client's clients for Node are left out."; fi || exit 1; done
	$(INSTALL) --target .venv/clients/retab-needs -r tests/clients/retab.txt
	$(foreach version,$(RETABS),$(INSTALL) --no-deps --target .venv/clients/retab-$(version) retab==$(version) &&) true
	@touch $(CLIENTS)

demo: $(READY) ## Tell the whole story in one process: runs fail, are restarted, and complete
	$(BIN)/python -m local.demo

serve: $(READY) ## Serve at http://127.0.0.1:$(PORT) (PORT=, WORKERS=off)
	$(BIN)/python -m local.serve --port $(PORT) --workers $(WORKERS)

test: $(READY) $(CLIENTS) ## Run all tests but those of `make check`
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(UNMEASURED) -k "not $(LINTS)"
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/stores --backend moto
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(UNMEASURED:%=--ignore=%) --cov --cov-report=term:skip-covered

check: $(READY) ## Format, lint, types, floors, and the packaged template through cfn-lint and SAM
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/local/deploy/test_package.py -k $(LINTS)

format: $(READY) ## Format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

package: $(READY) ## Make out/$(STAGE): the code and the CloudFormation template
	$(BIN)/python -m local.deploy.package $(STAGE)
	$(BIN)/python -m local.deploy.check $(STAGE)

lock: $(READY) ## Resolve requirements.txt anew into local/deploy/requirements.lock
	$(BIN)/python -m local.deploy.lock

faults: $(READY) $(CLIENTS) ## Let every kind of fault strike every call (REPLAY='a line' plays one schedule again)
	$(BIN)/python -m tests.faults "$(REPLAY)"
	$(if $(REPLAY),,$(BIN)/python -m pytest -m "" -n 2 --hypothesis-profile random)

bench: $(READY) ## Count AWS calls of 10,000 restarts; let a tenth of all fail for 20,000; compare a cold start with the least
	$(BIN)/python -m bench.restarts
	$(BIN)/python -m bench.soak
	$(BIN)/python -m local.deploy.package $(STAGE)
	$(BIN)/python -m bench.cold_start $(STAGE)

clean:
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
