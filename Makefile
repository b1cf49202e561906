# clipmill. Everything here runs in environments of its own, made from the lock files.
PYTHON = python3
OLDEST = python3.10
NEWEST = python3.13
# What meets every dependency of setup.py, in minutes.
BOUNDS = tests/records tests/storage/test_object_store.py tests/listings/test_parquet_tables.py tests/listings/test_detection.py \
	tests/video/test_golden.py tests/video/test_pictures.py tests/reader/test_dataset.py tests/reader/frameworks \
	tests/end_to_end/test_build.py
BIN = .venv/bin
LOCK = UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile setup.py --universal --python-version 3.10 \
	--annotation-style line --custom-compile-command "make lock" --upgrade --quiet

.PHONY: help setup demo test test-slow lint types docs generated test-crash test-oldest test-torch test-interop test-gcp test-docker test-deploy test-archives test-services test-flink fuzz bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile | awk -F': ' '{ printf "%-22s %s\n", $$1, $$2 }'

setup: .venv/made ## make the environment

.venv/made: setup.py requirements.lock tools/environment.sh
	PYTHON="$(PYTHON)" tools/environment.sh .venv requirements.lock
	@touch $@

.venv-gcp/made: setup.py requirements.lock docker/requirements-gcp.lock tools/environment.sh
	PYTHON="$(PYTHON)" tools/environment.sh .venv-gcp requirements.lock docker/requirements-gcp.lock
	@touch $@

.venv-torch/made: setup.py requirements-torch.lock tools/environment.sh
	PYTHON="$(PYTHON)" tools/environment.sh .venv-torch requirements-torch.lock
	@touch $@

.venv-interop/made: setup.py requirements-interop.lock tools/environment.sh
	PYTHON="$(PYTHON)" tools/environment.sh .venv-interop requirements-interop.lock
	@touch $@

# pyenv's commands for other Pythons than its own default heed this; nothing else does.
.venv-oldest/made .venv-newest/made: export PYENV_VERSION = 3.10:3.13

.venv-oldest/made: setup.py requirements-oldest.lock tools/environment.sh
	PYTHON="$(OLDEST)" tools/environment.sh .venv-oldest requirements-oldest.lock
	@touch $@

.venv-newest/made: setup.py requirements.lock tools/environment.sh
	PYTHON="$(NEWEST)" tools/environment.sh .venv-newest requirements.lock
	@touch $@

demo: setup ## a small data set, built, verified, read back and drawn (clipmill demo --train also trains on it)
	$(BIN)/clipmill demo --out build/demo

test: lint types ## set-up, lint, types, tests
	$(BIN)/python -m pytest -n logical --dist loadfile -m "not slow"

test-slow: setup ## the tests that take long: whole runs that are killed, 300,000 rows, long videos
	$(BIN)/python -m pytest -n logical --dist loadfile -m slow

lint: setup ## ruff, docstrings included, and hadolint
	$(BIN)/ruff check .
	@if test -x $(BIN)/hadolint; then $(BIN)/hadolint docker/Dockerfile; fi

types: setup ## mypy, on the packages as they are installed
	@mkdir -p build/types/clipmill
	@ln -sfn $(CURDIR)/clipmill/* $(CURDIR)/pipeline $(CURDIR)/transforms build/types/clipmill/
	$(BIN)/mypy

test-oldest: .venv-oldest/made .venv-newest/made ## lower bounds of setup.py on the oldest Python, and the newest Python (before a release)
	.venv-oldest/bin/python -m pytest -m "not slow" $(BOUNDS)
	.venv-newest/bin/python -m pytest -m "not slow" $(BOUNDS)

test-torch: .venv-torch/made ## the tests that need PyTorch (5 GB, in an environment of their own)
	.venv-torch/bin/python -m pytest -m torch tests/external/pytorch
	KERAS_BACKEND=torch .venv-torch/bin/python -m pytest tests/reader/frameworks/test_keras.py

test-interop: setup .venv-interop/made ## real clips in the readers that others run, in an environment of their own
	.venv-interop/bin/python -m pytest -m interop tests/external/interop
	KERAS_BACKEND=jax .venv-interop/bin/python -m pytest tests/reader/frameworks/test_keras.py

test-crash: setup ## kill -9 and races of the real command, for minutes
	CLIPMILL_CRASH=1 $(BIN)/python -m pytest -n logical -m crash tests/external/crash

test-gcp: .venv-gcp/made ## the tests that need Beam's Google packages: Dataflow's job, built without a network
	.venv-gcp/bin/python -m pytest -m gcp tests/external/gcp

.venv-airflow/made: requirements-airflow.lock .venv/made
	$(BIN)/uv venv --quiet --clear --no-python-downloads --python $(BIN)/python .venv-airflow
	$(BIN)/uv pip install --quiet --python .venv-airflow/bin/python --requirement requirements-airflow.lock
	@touch $@

test-deploy: .venv-airflow/made ## the recipes of deploy/, loaded by Airflow and by Kubernetes' schemas (needs Go)
	CLIPMILL_SERVICES=1 $(BIN)/python -m pytest -m deploy tests/external/deploy

test-docker: setup ## the images, built by buildah and run, and the files of docker/ and deploy/ (needs root, Debian, Go)
	CLIPMILL_SERVICES=1 $(BIN)/python -m pytest -m docker tests/external/docker

test-archives: setup ## the tests on RAR archives, with unar and bsdtar (needs root, Debian)
	CLIPMILL_SERVICES=1 $(BIN)/python -m pytest -m archives tests/external/archives

test-services: setup ## the tests on real object stores, built with Go on this machine
	CLIPMILL_SERVICES=1 $(BIN)/python -m pytest -m services tests/external/services

test-flink: setup ## the tests on a real Flink cluster, started on this machine (needs Java, Maven and Go)
	CLIPMILL_SERVICES=1 $(BIN)/python -m pytest -m flink tests/external/flink

fuzz: setup ## damage real videos of ../shared/data, and listings, and read them in children, for minutes (COUNT, SEED)
	$(BIN)/python -m tools.fuzz $${CLIPMILL_TEST_DATA:-../shared/data}/videos --count $${COUNT:-1000} --seed $${SEED:-0}
	PYTHONPATH=tests/helpers $(BIN)/python -m tools.fuzz_listings --count $${COUNT:-1000} --seed $${SEED:-0}

.venv-docs/made: setup.py requirements-docs.lock .venv/made
	$(BIN)/uv venv --quiet --clear --no-python-downloads --python $(BIN)/python .venv-docs
	$(BIN)/uv pip install --quiet --python .venv-docs/bin/python --requirement requirements-docs.lock
	$(BIN)/uv pip install --quiet --python .venv-docs/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

docs: .venv-docs/made ## the documentation as a site, in build/docs; a broken link or a warning is an error
	.venv-docs/bin/python -m tools.site

generated: setup ## write what is made from code: docs/commands.md, errors.md, options.md, the form of the Dataflow template
	$(BIN)/python -m tools.generated

bench: setup ## the benchmarks that need nothing but real clips, in one page
	$(BIN)/python -m benchmarks

lock: setup ## resolve the newest versions into the lock files
	$(LOCK) --extra build --extra report --extra tensorflow --extra dev --output-file requirements.lock
	$(LOCK) --extra build --extra report --extra tensorflow --extra dev --extra torch --extra fastai --constraints requirements.lock \
		--output-file requirements-torch.lock
	$(LOCK) --extra interop --constraints requirements.lock --output-file requirements-interop.lock
	$(LOCK) --extra build --constraints requirements.lock --output-file docker/requirements.lock
	$(LOCK) --extra build --extra gcp --constraints requirements.lock --output-file docker/requirements-gcp.lock
	$(LOCK) --extra docs --output-file requirements-docs.lock
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile setup.py --python-version 3.10 --resolution lowest-direct \
		--annotation-style line --custom-compile-command "make lock" --quiet \
		--extra build --extra report --extra tensorflow --extra dev --output-file requirements-oldest.lock
	printf 'apache-airflow==3.*\ncroniter\n' | $(subst setup.py,-,$(LOCK)) --output-file requirements-airflow.lock

clean: ## remove what make made
	rm -rf .venv .venv-oldest .venv-newest .venv-torch .venv-gcp .venv-airflow .venv-interop .venv-docs build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
