"""`python -m recipes.demo`: a corpus, its records, six small networks and the report that compares them.

It runs the commands a user would run on data of their own, one after the other, and prints each.
"""

import argparse
import shlex
import sys
import time
from pathlib import Path

from keras_d3.utils import num_cores, run_reporting_errors

# Networks that are trained at a time; each takes up to 2 GB.
MAX_TRAININGS = 4


def build_parser():
    """Returns the parser of `python -m recipes.demo`."""
    parser = argparse.ArgumentParser(
        prog="python -m recipes.demo",
        description="From stems to a side-by-side report. Run again, it keeps what is there and goes on.",
    )
    parser.add_argument("--out", default="build/demo", help="directory for everything (default: build/demo)")
    return parser


def main(arguments=None):
    """Runs `python -m recipes.demo`; returns the exit code."""
    return run_reporting_errors(_demo, build_parser().parse_args(arguments))


def _demo(options):
    from keras_d3.cli import compare_command
    from recipes.all_recipes import RECIPES
    from tfrecords_tools.__main__ import main as tfrecords_tools
    from tfrecords_tools.demo_corpus import ATTRIBUTION_FILE

    start = time.perf_counter()
    out = Path(options.out)
    corpus, records = str(out / "corpus"), str(out / "records")
    steps = (
        ("tfrecords_tools", tfrecords_tools, ["demo", "--out", corpus]),
        (
            "tfrecords_tools",
            tfrecords_tools,
            # The networks work at 22,050 Hz; the test songs keep 44,100 Hz, where scores are taken.
            [
                "musdb18",
                "--root",
                corpus,
                "--out",
                records,
                "--dataset-name",
                "demo corpus",
                "--sample-rate",
                "22050",
                "--validation-tracks",
                f"{corpus}/validation_tracks.txt",
            ],
        ),
        (
            "recipes.compare",
            lambda arguments: compare_command(RECIPES, arguments),
            [
                "--data",
                records,
                "--out",
                str(out),
                "--config",
                "tiny",
                "--attribution",
                f"{corpus}/{ATTRIBUTION_FILE}",
                "--backend",
                "shared",
                "--trainings",
                str(min(num_cores(), MAX_TRAININGS)),
            ],
        ),
    )
    for module, command, arguments in steps:
        print(f"\n$ python -m {module} {shlex.join(arguments)}", flush=True)
        code = command(arguments)
        if code:
            return code
    print(f"{(time.perf_counter() - start) / 60:.1f} minutes, corpus and records among them")


if __name__ == "__main__":
    sys.exit(main())
