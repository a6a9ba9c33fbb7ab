PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## make .venv with the pile command

.venv/installed: requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or later is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

quickstart: install ## build the sample corpus into build/quickstart
	$(BIN)/pile build manifests/quickstart.yaml --out build/quickstart

test: install lint types ## lint, types and tests
	# Kernels are compiled once, not by every process of the tests.
	$(BIN)/pile check-worker
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

lint: install ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, over the packages laid out as they are installed
	mkdir -p build/typed/pile_builder
	find build/typed/pile_builder -type l -delete
	ln -s $(CURDIR)/pile_builder/* $(CURDIR)/sources $(CURDIR)/pipelines build/typed/pile_builder/
	ln -sfn $(CURDIR)/benchmarks build/typed/benchmarks
	cd build/typed && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p pile_builder -p benchmarks

test-readers: install .readers/venv/installed ## write every token format, read it with the trainers' own libraries (9 GB)
	$(BIN)/python -m tests.readers.make_exports .readers/exports
	# A process for each: torch and TensorFlow don't live in one.
	for file in tests/readers/test_*.py; do \
		PILE_EXPORTS=$(CURDIR)/.readers/exports .readers/venv/bin/python -m pytest --confcutdir=tests/readers $$file || exit 1; \
	done

.readers/venv/installed: requirements/readers.txt
	$(PYTHON) -m venv .readers/venv
	.readers/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/readers.txt
	touch $@

test-runners: install ## build the quickstart on Flink, kill workers and builds (needs Java 11 or 17, and Maven)
	@if command -v java > /dev/null && command -v mvn > /dev/null; then \
		$(MAKE) --no-print-directory flink-jar && PILE_JOB_SERVERS=build $(BIN)/python -m pytest tests/runners; \
	else \
		echo "test-runners skipped: Java or Maven is missing here"; \
	fi

flink-jar: build/flink-job-server/flink-job-server.jar ## Beam's job server for Flink, by Maven

spark-jar: build/spark-job-server/spark-job-server.jar ## Beam's job server for Spark, by Maven

build/flink-job-server/flink-job-server.jar: tools/job_servers/flink/pom.xml
	mvn --batch-mode --quiet --file $< package -Dout=$(CURDIR)/build/flink-job-server
	touch $@

build/spark-job-server/spark-job-server.jar: tools/job_servers/spark/pom.xml
	mvn --batch-mode --quiet --file $< package -Dout=$(CURDIR)/build/spark-job-server
	touch $@

prism: build/prism ## Beam's Prism, by Go

build/prism:
	version=$$($(BIN)/python -c 'from importlib.metadata import version; print(version("apache-beam"))') && \
	GOBIN=$(CURDIR)/build go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$$version

emulators: .tools/fake-gcs-server ## Google's storage on this machine, for tests that are skipped without it (needs go)

.tools/fake-gcs-server:
	GOBIN=$(CURDIR)/.tools go install github.com/fsouza/fake-gcs-server@v1.56.1

torture: install ## disturb a hundred builds of a small corpus, on other runners too where they are made
	PILE_JOB_SERVERS=build $(BIN)/python -m tests.torture --write

release-check: install ## build sdist and wheel, install the wheel into an empty environment, run its quickstart
	$(BIN)/python tools/release_check.py

bench: install .bench/venv/installed .bench/venv-dedup/installed ## compare with datatrove and others side by side (PILE_DATA=folder), write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

.bench/venv/installed: requirements/bench.txt
	$(PYTHON) -m venv .bench/venv
	.bench/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	touch $@

.bench/venv-dedup/installed: requirements/bench-dedup.txt
	$(PYTHON) -m venv .bench/venv-dedup
	.bench/venv-dedup/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/bench-dedup.txt
	touch $@

hostile: install ## hostile input with its large cases too
	PILE_HOSTILE=1 $(BIN)/python -m pytest tests/test_hostile.py

SECONDS ?= 600

fuzz: install ## fuzz every parser, SECONDS in all (needs the extra fuzz)
	$(BIN)/python -m tests.fuzz $(SECONDS)

lock: ## pin what pyproject.toml names, with hashes (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dataflow -c requirements/dev.txt pyproject.toml -o requirements/dataflow.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/bench.in -o requirements/bench.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/readers.in -o requirements/readers.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package pyspark requirements/bench-dedup.in -o requirements/bench-dedup.txt

clean: ## remove what was built
	rm -rf build .bench .readers

.PHONY: help install quickstart test test-readers test-runners flink-jar spark-jar prism emulators torture release-check \
	hostile fuzz lint types bench lock clean
