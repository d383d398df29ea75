# `make demo`: from stems to a side-by-side report. `make test`: the test suite. Both set up what they need.
VENV ?= .venv
DEMO ?= build/demo
# Two processes, a file of tests in one of them: much of a test is tracing, which uses one core.
PYTEST_ARGUMENTS ?= --numprocesses 2 --dist loadfile

# TensorFlow's C++ side reports a missing GPU as an error at every start.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-tensorflow-2.21 environment clean

environment:
	@sh set_up.sh $(VENV)

demo: environment
	@$(VENV)/bin/python -m recipes.demo --out $(DEMO)

test: environment
	@$(VENV)/bin/python -m pytest $(PYTEST_ARGUMENTS)

# Everything but what needs tensorflow-io's binary, on TensorFlow 2.21 and NumPy 2.
test-tensorflow-2.21:
	@sh set_up.sh $(VENV)-tensorflow-2.21 constraints-tensorflow-2.21.txt test
	@$(VENV)-tensorflow-2.21/bin/python -m pytest $(PYTEST_ARGUMENTS)

clean:
	rm -rf build .venv .venv-tensorflow-2.21
