"""`python -m benchmarks [--suite NAME]`: time and memory of layers and networks."""

import argparse
import importlib
import sys

from keras_d3.utils import run_reporting_errors

# Each is a module with `add_options(parser)` and `run(options)`.
SUITES = ("layers", "d3net_music", "mm_dense_net", "scores", "feeding")


def build_parser(suite=SUITES[0]):
    """Returns the parser of `python -m benchmarks`, with the options of one of `SUITES`."""
    parser = _suite_parser(add_help=True)
    importlib.import_module(f"benchmarks.{suite}").add_options(parser)
    return parser


def _suite_parser(add_help):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time layers and blocks, compared with the implementations they replace, whole "
        "networks, or scores. KERAS_BACKEND chooses the backend. `--suite NAME --help` lists the options of "
        "a suite.",
        add_help=add_help,
        allow_abbrev=False,
    )
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0], help=f"default: {SUITES[0]}")
    return parser


def main(arguments=None):
    """Runs `python -m benchmarks`; returns the exit code."""
    suite = _suite_parser(add_help=False).parse_known_args(arguments)[0].suite
    options = build_parser(suite).parse_args(arguments)
    return run_reporting_errors(importlib.import_module(f"benchmarks.{suite}").run, options)


if __name__ == "__main__":
    sys.exit(main())
