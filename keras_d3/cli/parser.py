"""The parser of `keras-d3`, put together from the commands."""

import argparse
import importlib
import sys

from keras_d3.utils import run_reporting_errors

# What each command does. The module of its name has its options (`add_<name>`), and loads when needed.
_COMMANDS = {
    "models": "list the presets with their sizes",
    "pull": "fetch weights that authors published, by name, and keep them as SavedModels",
    "separate": "separate songs into stems with a SavedModel",
    "segment": "find the class of every pixel of images with a SavedModel",
    "evaluate": "score estimates with museval, or any SavedModel on records",
    "export": "export a trained run as a SavedModel (waveform in, stems out; image in, labels out), or its "
    "networks alone",
    "convert": "turn weights that authors published into a SavedModel",
    "erf": "effective receptive field of a network or a part of it: which inputs an output depends on",
    "filter-norms": "norms of the filters that read up-sampled and skip maps, per block of a network's "
    "decoder",
}


def build_parser(command=None):
    """Returns the parser of `keras-d3 COMMAND ...`; `run` of the parsed options runs the command.

    Args:
        command: str, the only command that gets its options; "" for none of them. None: all get theirs.
    """
    parser = argparse.ArgumentParser(
        prog="keras-d3",
        description="Separate songs, segment images, score estimates; pull, export, convert, analyze "
        "networks.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _COMMANDS.items():
        added = commands.add_parser(name, help=text)
        if command in (None, name):
            module = name.replace("-", "_")
            getattr(importlib.import_module(f"keras_d3.cli.{module}"), f"add_{module}")(added)
    return parser


def main(arguments=None):
    """Runs `keras-d3 COMMAND ...`.

    Args:
        arguments: list of strings after the program's name; None, those of the process.

    Returns:
        int, the exit code.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = arguments[0] if arguments and arguments[0] in _COMMANDS else ""
    options = build_parser(command).parse_args(arguments)
    return run_reporting_errors(options.run, options)
