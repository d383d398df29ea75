# `make demo`: from stems to a side-by-side report. `make test`: the test suite. Both set up what they need.
VENV ?= .venv
DEMO ?= build/demo
# Two processes, a file of tests in one of them: much of a test is tracing, which uses one core. In the order of
# their names: xdist would leave the files of few and long tests to the end, where one process waits for the other.
PYTEST_ARGUMENTS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Which tests run in the default environment, and which on other versions and backends.
TEST_MARKS ?= not large and not weekly
MARKS ?= not large
# Not the separators and segmenters of published weights: they are TensorFlow graphs.
TORCH_TESTS ?= tests/ops tests/layers tests/blocks tests/models tests/convert \
    --ignore-glob "tests/convert/*_separation.py" --ignore tests/convert/test_d3net_segmenter.py \
    --ignore tests/convert/test_deeplab_v2.py
# Not the networks on spectrograms: JAX compiles every operation anew for every shape, and they have most.
JAX_TESTS ?= tests/ops tests/layers tests/blocks tests/convert/test_smoothed_dilated.py \
    tests/models/test_registry.py tests/models/test_wave_u_net.py
# Not what no version of TensorFlow or NumPy can change.
TENSORFLOW_2_21_TESTS ?= tests --ignore tests/claims --ignore tests/paper_tables --ignore tests/settings \
    --ignore tests/test_commands_in_docs.py --ignore tests/test_docstrings.py
# Without these two the tests spend most of their time in XLA's compiler.
JAX_XLA_FLAGS ?= --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false

# TensorFlow's C++ side reports a missing GPU as an error at every start.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-tensorflow-2.21 test-jax test-torch test-beam docs lint types wheel test-wheel hooks \
    dev-environment environment clean

environment:
	@sh set_up.sh $(VENV)

demo: environment
	@$(VENV)/bin/python -m recipes.demo --out $(DEMO)

test: environment
	@$(VENV)/bin/python -m pytest $(PYTEST_ARGUMENTS) -m "$(TEST_MARKS)"

# Everything but what needs tensorflow-io's binary, on TensorFlow 2.21 and NumPy 2; JAX beside it, for trainings
# of several processes.
test-tensorflow-2.21:
	@sh set_up.sh $(VENV)-tensorflow-2.21 constraints-tensorflow-2.21.txt \
	    tensorflow,audio,corpus,images,evaluation,convert,export,jax,test
	@$(VENV)-tensorflow-2.21/bin/python -m pytest $(PYTEST_ARGUMENTS) -m "$(MARKS)" $(TENSORFLOW_2_21_TESTS)

# Layers, blocks and networks on Keras' other backends, in environments without TensorFlow: what imports it
# there fails. The versions are pinned for Python 3.11. On JAX without JAX_ENABLE_X64, which is how it is used:
# checks in float64 are skipped, and with the switch Keras would still compute much of them in float32.
test-jax:
	@PYTHON="$${PYTHON:-python3.11}" sh set_up.sh $(VENV)-jax requirements-jax.txt -
	@XLA_FLAGS="$(JAX_XLA_FLAGS)" KERAS_BACKEND=jax $(VENV)-jax/bin/python -m pytest $(PYTEST_ARGUMENTS) -m "$(MARKS)" $(JAX_TESTS)

test-torch:
	@PYTHON="$${PYTHON:-python3.11}" sh set_up.sh $(VENV)-torch requirements-torch.txt -
	@KERAS_BACKEND=torch $(VENV)-torch/bin/python -m pytest $(PYTEST_ARGUMENTS) -m "$(MARKS)" $(TORCH_TESTS)

# Records, separation and scores on Apache Beam, whose pins do not go with the others.
test-beam:
	@PYTHON="$${PYTHON:-python3.11}" sh set_up.sh $(VENV)-beam constraints-beam.txt \
	    tensorflow,audio,evaluation,flac,beam,test
	@$(VENV)-beam/bin/python -m pytest $(PYTEST_ARGUMENTS) tests/beam

# The documentation in build/site; warnings and broken links are errors. It reads docstrings and imports nothing.
docs:
	@sh set_up.sh $(VENV)-docs requirements-docs.txt -
	@NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/python -m mkdocs build --quiet --strict

dev-environment:
	@sh set_up.sh $(VENV)-dev requirements-dev.txt -

lint: dev-environment
	@$(VENV)-dev/bin/ruff check
	@$(VENV)-dev/bin/ruff format --check

types: dev-environment
	@$(VENV)-dev/bin/pyright --pythonpath $(VENV)-dev/bin/python

# What setuptools left in build/ would be packed again.
wheel: dev-environment
	@rm -rf build/lib build/bdist.* dist
	@$(VENV)-dev/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .

# In an empty environment, from a folder that is no checkout.
test-wheel: wheel
	@rm -rf build/wheel && $(VENV)-dev/bin/python -m venv build/wheel
	@build/wheel/bin/python -m pip install --quiet --constraint requirements-jax.txt dist/keras_d3-*.whl jax
	@build/wheel/bin/python -m pip check
	@cd build/wheel && PATH="$(CURDIR)/build/wheel/bin:$$PATH" KERAS_BACKEND=jax \
	    bin/python ../../tests/packaging/check_wheel.py ../../dist/keras_d3-*.whl

# Lints what a commit changes; the paths in .pre-commit-config.yaml are those of the default VENV.
hooks: dev-environment
	@$(VENV)-dev/bin/pre-commit install

clean:
	rm -rf build dist .venv .venv-dev .venv-docs .venv-tensorflow-2.21 .venv-jax .venv-torch .venv-beam
