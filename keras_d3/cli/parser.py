"""The parser of `keras-d3`, put together from the commands."""

import argparse

from keras_d3.cli.convert import add_convert
from keras_d3.cli.erf import add_erf
from keras_d3.cli.evaluate import add_evaluate
from keras_d3.cli.export import add_export
from keras_d3.cli.filter_norms import add_filter_norms
from keras_d3.cli.models import add_models
from keras_d3.cli.pull import add_pull
from keras_d3.cli.segment import add_segment
from keras_d3.cli.separate import add_separate
from keras_d3.utils import run_reporting_errors


def build_parser():
    """Returns the parser of `keras-d3 COMMAND ...`; `run` of the parsed options runs the command."""
    parser = argparse.ArgumentParser(
        prog="keras-d3",
        description="Separate songs, segment images, score estimates; pull, export, convert, analyze "
        "networks.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add_command in (
        add_models,
        add_pull,
        add_separate,
        add_segment,
        add_evaluate,
        add_export,
        add_convert,
        add_erf,
        add_filter_norms,
    ):
        add_command(commands)
    return parser


def main(arguments=None):
    """Runs `keras-d3 COMMAND ...`.

    Args:
        arguments: list of strings after the program's name; None, those of the process.

    Returns:
        int, the exit code.
    """
    options = build_parser().parse_args(arguments)
    return run_reporting_errors(options.run, options)
