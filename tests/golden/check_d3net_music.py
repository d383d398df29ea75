"""`python -m tests.golden.check_d3net_music`: the authors' D3Net beside the same weights here.

For vectors too large to be kept here, such as those of a full-size network: parameters as the official
code saves them, and an .npz file with the official code's input and output, (batch, frames, channels,
bins), as `x` and `y` or `mixture` and `estimate`. Exit code 1 if they differ by more than the tolerance.

    python -m tests.golden.check_d3net_music --weights d3net_music_vocals.h5 \
        --vectors d3net_music_vocals_256_frames.npz --scope vocals --tolerance 5e-4
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from keras_d3.convert import d3net_music_from_official
from keras_d3.models import fold_batch_norm
from keras_d3.utils.command_line import run_reporting_errors


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.golden.check_d3net_music")
    parser.add_argument("--weights", required=True, help="the official code's .h5 file")
    parser.add_argument("--vectors", required=True, help="its input and output, .npz")
    parser.add_argument("--scope", default="vocals", help="root scope in the file (default: vocals)")
    parser.add_argument(
        "--config", help="JSON in the official keys (default: the published one of the scope)"
    )
    parser.add_argument("--tolerance", type=float, default=5e-5, help="largest absolute difference")
    return run_reporting_errors(_check, parser.parse_args(arguments))


def _check(options):
    settings = None
    if options.config:
        values = json.loads(Path(options.config).read_text(encoding="utf-8"))
        settings = values.get("config", values)
    with np.load(options.vectors) as vectors:
        names = ("x", "y") if "x" in vectors else ("mixture", "estimate")
        mixture, estimate = (vectors[name].transpose(0, 1, 3, 2) for name in names)
    model = d3net_music_from_official(settings, options.weights, options.scope)
    num_trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    print(
        f"{model.name}: {num_trainable:,} trainable parameters, values up to {np.max(np.abs(estimate)):.3g}"
    )
    largest = 0.0
    for form, network in (("as trained", model), ("normalization folded", fold_batch_norm(model))):
        start = time.perf_counter()
        outputs = np.asarray(network.predict_on_batch(mixture))
        secs = time.perf_counter() - start
        difference = float(np.max(np.abs(outputs - estimate)))
        largest = max(largest, difference)
        print(f"{form}: largest difference {difference:.2g} ({secs:.0f} s, tracing included)")
    if not largest <= options.tolerance:
        print(f"More than {options.tolerance:g}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
