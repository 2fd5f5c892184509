# Everything a person does with this checkout. `make` lists the targets; each one does its own set-up.
.DEFAULT_GOAL := help
.PHONY: help setup up down status check test test-contract test-e2e test-upgrades test-recovery bench bench-growth docs fmt clean
MAKEFLAGS += --no-print-directory

help: ## list these targets
	@echo 'quorate: highly available Kubernetes that you can prove. Targets:'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'The command line itself: ./quorate --help'

setup: node_modules/.ready ## install what is missing: npm packages and, as root, Debian packages
	@sh scripts/setup-host.sh

up: setup ## build the demo cluster on this machine, or bring it in line
	@./quorate up --yes

down: node_modules/.ready ## destroy the demo cluster and every trace of it
	@./quorate down --yes

status: node_modules/.ready ## show the demo cluster on one screen
	@./quorate status

check: node_modules/.ready ## types, lint and unit tests: no root, no network, a minute
	@node scripts/test.mjs check

test: setup ## check, contract tests and end-to-end tests on real clusters (root); not the upgrades
	@node scripts/test.mjs check contract e2e

test-contract: setup ## the suite that every machine driver passes, on real machines (root)
	@node scripts/test.mjs contract

test-e2e: setup ## the end-to-end tests on real clusters (root)
	@node scripts/test.mjs e2e

test-upgrades: setup ## a patch and a minor upgrade, with everything that can go wrong in them; half an hour (root)
	@node scripts/test.mjs patch upgrades

test-recovery: setup ## all authorities and keys replaced under load, a killed recovery, a restore of a gigabyte; half an hour (root)
	@node scripts/test.mjs recovery

bench: setup ## time to HA: quorate against kubeadm, on the same machines (root)
	@node scripts/bench.mjs $(ARGS)

bench-growth: node_modules/.ready ## what looking and a no-op apply cost with 10, 100 and 500 machines
	@node scripts/run-ts.mjs scripts/bench-growth.ts $(ARGS)

docs: node_modules/.ready ## write docs/reference and the JSON Schema anew from the code
	@node scripts/generate-schema.mjs
	@node scripts/run-ts.mjs scripts/docs/generate.ts

fmt: node_modules/.ready ## format the sources and sort their imports
	@npm run --silent format

clean: ## remove what was built here; caches and clusters stay
	rm -rf dist coverage node_modules

# npm's scripts stay off: none of our packages needs one.
node_modules/.ready: package-lock.json
	@sh scripts/check-node.sh
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
