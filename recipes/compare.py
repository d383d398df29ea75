"""`python -m recipes.compare`: every recipe's networks on the same records, side by side in one report."""

import argparse
import shlex
import sys
from pathlib import Path

from keras_d3.cli import add_scoring, comma_separated
from keras_d3.utils import run_reporting_errors


def all_recipes():
    """Returns the recipes of audio networks, in the order of the report."""
    from recipes.d3net_mss.config import RECIPE as D3NET_MSS
    from recipes.dilated_u_net.config import RECIPE as DILATED_U_NET
    from recipes.mm_dense_net.config import RECIPE as MM_DENSE_NET
    from recipes.wave_u_net.config import RECIPE as WAVE_U_NET

    return (WAVE_U_NET, DILATED_U_NET, MM_DENSE_NET, D3NET_MSS)


def build_parser():
    """Returns the parser of `python -m recipes.compare`."""
    parser = argparse.ArgumentParser(
        prog="python -m recipes.compare",
        description="Train, export, separate and score networks on the same records; write one report. "
        "Run again, it keeps what is there and goes on.",
    )
    parser.add_argument("--data", required=True, help="directory of records (python -m tfrecords_tools)")
    parser.add_argument("--out", required=True, help="directory for runs, scores and report")
    parser.add_argument("--config", default="tiny", help="set of configs: tiny (default) or paper")
    parser.add_argument("--recipes", type=comma_separated, help="comma-separated names, by default all")
    parser.add_argument(
        "--excerpt", metavar="TRACK", help="test track that the report plays (default: the first)"
    )
    parser.add_argument(
        "--attribution",
        metavar="FILE",
        help="text with credit and license of the audio, which the report has to name",
    )
    add_scoring(parser, choices=False)
    return parser


def main(arguments=None):
    """Runs `python -m recipes.compare`; returns the exit code."""
    parser = build_parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    command = f"{parser.prog} {shlex.join(arguments)}"
    return run_reporting_errors(_compare, parser.parse_args(arguments), command)


def _compare(options, command):
    from keras_d3.experiments import compare

    recipes = {recipe.name: recipe for recipe in all_recipes()}
    names = options.recipes or list(recipes)
    unknown = sorted(set(names) - set(recipes))
    if unknown:
        raise ValueError(
            f"`recipes` must be among {', '.join(recipes)}. Received: recipes={','.join(unknown)!r}."
        )
    path, table = compare(
        [recipes[name] for name in names],
        options.config,
        options.data,
        options.out,
        options.excerpt,
        options.workers,
        options.backend,
        command,
        Path(options.attribution).read_text(encoding="utf-8").strip() if options.attribution else "",
        say=lambda text: print(text, flush=True),
    )
    print(f"\n{table}\n\nReport: {path}")


if __name__ == "__main__":
    sys.exit(main())
