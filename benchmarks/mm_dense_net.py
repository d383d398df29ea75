"""The suite `mm_dense_net`: MMDenseNet, timed beside a matrix product of the same run.

The steps of `benchmarks.whole_networks` on 256 frames x 1025 bins. With `--torch-python PATH`, an
interpreter that has PyTorch, the rows `torch forward` and `torch training` time the same network in
plain PyTorch (`benchmarks.torch_mm_dense_net`), float32.

`python -m benchmarks.mm_dense_net JOB` is the process that measures one row.
"""

import json
import sys

from benchmarks import whole_networks

PRESETS = ("mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16")


def add_options(parser):
    """Adds the options of the suite."""
    whole_networks.add_options(parser, whole_networks.STEPS, whole_networks.STEPS)
    parser.add_argument("--preset", choices=PRESETS, default="mmdensenet")
    parser.add_argument("--torch-python", metavar="PATH", help="interpreter with PyTorch, to compare with")


def run(options):
    """Measures every step, dtype and number of threads, and prints a table."""
    whole_networks.print_head()
    for threads in options.threads:
        for step in options.steps:
            for dtype in whole_networks.dtypes_of(step, options.dtypes):
                job = {**vars(options), "step": step, "dtype": dtype, "threads": threads}
                result = whole_networks.measure("benchmarks.mm_dense_net", job)
                whole_networks.print_row(step, dtype, threads, result)
            if options.torch_python and step in ("forward", "training"):
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
    """Returns the preset's arguments that the plain network takes, ready for JSON."""
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
    whole_networks.work(json.loads(sys.argv[-1]), whole_networks.MAKERS)
