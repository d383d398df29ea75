"""The suite `d3net_music`: D3Net for music, timed beside a matrix product of the same run.

The steps of `benchmarks.whole_networks`, and:

    separate  four networks, STFT to waveforms, `quality="fast"`, in seconds of work and times real time
    separate_openvino, separate_onnxruntime  the same with the networks in these runtimes

`python -m benchmarks.d3net_music JOB` is the process that measures one of them.
"""

import json
import sys

import numpy as np

from benchmarks import whole_networks
from benchmarks.whole_networks import OPENVINO_PRECISIONS, PATCH_FRAMES

STEPS = (*whole_networks.STEPS, "separate", "separate_openvino", "separate_onnxruntime")
SOURCES = ("bass", "drums", "other", "vocals")


def add_options(parser):
    """Adds the options of the suite."""
    whole_networks.add_options(parser, STEPS, whole_networks.STEPS)
    parser.add_argument("--target", choices=SOURCES, default="vocals", help="the network of one patch")
    parser.add_argument("--secs", type=float, default=180.0, help="length of the separated song")


def run(options):
    """Measures every step, dtype and number of threads, and prints a table."""
    whole_networks.print_head()
    for step in options.steps:
        for dtype in whole_networks.dtypes_of(step, options.dtypes):
            for threads in options.threads:
                job = {**vars(options), "preset": f"d3net_{options.target}"}
                job.update(step=step, dtype=dtype, threads=threads)
                result = whole_networks.measure("benchmarks.d3net_music", job)
                whole_networks.print_row(step, dtype, threads, result)


def _separator(job):
    from keras_d3.separation import Separator
    from keras_d3.settings import SpectrogramSeparatorConfig

    sizes = (1024, 256, 32, 16) if job["tiny"] else (4096, 1024, PATCH_FRAMES, PATCH_FRAMES // 2)
    patches = None if job["tiny"] else {"bass": (384, 192)}
    config = SpectrogramSeparatorConfig(44100, 2, SOURCES, *sizes, flip_channels=True, source_patches=patches)
    networks = {source: whole_networks.network(job, f"d3net_{source}") for source in SOURCES}
    return Separator(networks, config)


def _song(job):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (int(job["secs"] * 44100), 2)).astype("float32")


def _separate(job, folder):
    separator, song = _separator(job), _song(job)
    return _separation(separator, song, job)


def _separate_openvino(job, folder):
    from keras_d3.separation import load_separator

    _separator({**job, "dtype": "float32"}).export(folder / "separator", openvino=True, check=False)
    precision = OPENVINO_PRECISIONS[job["dtype"]]
    separator = load_separator(folder / "separator", runtime="openvino", precision=precision)
    return _separation(separator, _song(job), job)


def _separate_onnxruntime(job, folder):
    from keras_d3.separation import load_separator

    _separator(job).export(folder / "separator", onnx=True, check=False)
    separator = load_separator(folder / "separator", runtime="onnxruntime")
    return _separation(separator, _song(job), job)


def _separation(separator, song, job):
    state = {"first": True}

    def run():
        # The first call, on a few seconds, is for tracing.
        excerpt, state["first"] = (song[: 10 * 44100] if state["first"] else song), False
        separator.separate(excerpt, 44100, quality="fast")

    return run, 1, len(song) / 44100


_MAKERS = {
    **whole_networks.MAKERS,
    "separate": _separate,
    "separate_openvino": _separate_openvino,
    "separate_onnxruntime": _separate_onnxruntime,
}


if __name__ == "__main__":
    whole_networks.work(json.loads(sys.argv[-1]), _MAKERS)
