"""`python -m benchmarks.mm_dense_net`: MMDenseNet, timed beside a matrix product of the same run.

The steps of `benchmarks.whole_networks` on 256 frames x 1025 bins. With `--torch-python PATH`, an
interpreter that has PyTorch, the rows `torch forward` and `torch training` time the same network in
plain PyTorch (`benchmarks.torch_mm_dense_net`), float32.
"""

import argparse
import json
import sys

from benchmarks import whole_networks
from keras_d3.utils import run_reporting_errors

PRESETS = ("mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mm_dense_net", description=__doc__.split("\n")[0]
    )
    whole_networks.add_options(parser, whole_networks.STEPS, whole_networks.STEPS)
    parser.add_argument("--preset", choices=PRESETS, default="mmdensenet")
    parser.add_argument("--torch-python", metavar="PATH", help="interpreter with PyTorch, to compare with")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    return run_reporting_errors(_work if options.job else _measure_all, options)


def _work(options):
    whole_networks.work(json.loads(options.job), whole_networks.MAKERS)


def _measure_all(options):
    whole_networks.print_head()
    for threads in options.threads:
        for step in options.steps:
            for dtype in options.dtypes:
                job = {**vars(options), "step": step, "dtype": dtype, "threads": threads}
                result = whole_networks.measure("benchmarks.mm_dense_net", job)
                whole_networks.print_row(step, dtype, threads, result)
            if options.torch_python and step != "openvino":
                job = {
                    "step": step,
                    "threads": threads,
                    "repeats": options.repeats,
                    "arguments": _arguments(options),
                }
                result = whole_networks.measure(
                    "benchmarks.torch_mm_dense_net", job, python=options.torch_python
                )
                whole_networks.print_row(f"torch {step}", "float32", threads, result)


def _arguments(options):
    """What the plain network needs of the preset, ready for JSON."""
    import dataclasses

    from keras_d3.models import MMDenseNet

    arguments = MMDenseNet.from_preset(options.preset, tiny=options.tiny).arguments
    if arguments.band_match != "conv":
        raise ValueError("The plain network knows `band_match='conv'` only. Compare another preset.")
    return {
        "num_bins": arguments.num_bins,
        "bands": [dataclasses.asdict(band) for band in arguments.bands],
        "full": dataclasses.asdict(arguments.full_band),
        "final_block": dataclasses.asdict(arguments.final_block),
    }


if __name__ == "__main__":
    sys.exit(main())
