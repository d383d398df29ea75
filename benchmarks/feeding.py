"""The suite `feeding`: training batches from records, beside the same from a NumPy memory map.

Songs of noise are written as records and as one array. Excerpts per second are what the input pipeline gives
when nothing else computes (the STFT of networks that take magnitudes is a part of the training step). The
memory map is one thread that slices, scales and sums random excerpts of all sources. The last column is what
an accelerator would eat: its peak times its use, divided by the operations per excerpt, three times those of
the convolutions in inference (forward once, backward twice).

`python -m benchmarks.feeding JOB` is the process that measures one configuration.
"""

import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import whole_networks
from benchmarks.timing_report import RESULT, peak_gb

SOURCES = ("bass", "drums", "other", "vocals")
# NVIDIA H100 SXM, dense bfloat16, and the share of it that a good training step reaches.
PEAK_FLOPS, USE = 989e12, 0.4


@dataclasses.dataclass(frozen=True)
class Feed:
    """A recipe's batches.

    Args:
        preset: str, the network.
        batch_size: int.
        data: dict, arguments of `AudioDataConfig`; `network_shape` is that of one example.
        network_shape: tuple of ints, one example as the network takes it.
    """

    preset: str
    batch_size: int
    data: dict
    network_shape: tuple


def _data(rate, channels, samples, output_samples=None, **others):
    return {
        "sample_rate_hz": rate,
        "channels": channels,
        "sources": SOURCES,
        "input_samples": samples,
        "output_samples": output_samples or samples,
        **others,
    }


_MIXED = {"channel_swap_probability": 0.5}
_SAME = {"sources_from": "same_track", "gain_range": (0.7, 1.0)}
FEEDS = {
    "d3net": Feed(
        "d3net_vocals",
        6,
        _data(44100, 2, 264600, gain_range=(0.75, 1.25), **_MIXED),
        (256, 2049, 2),
    ),
    "mm_dense_net": Feed(
        "mmdensenet",
        8,
        _data(44100, 2, 255 * 1024, gain_range=(0.25, 1.25), **_MIXED),
        (256, 1025, 2),
    ),
    "wave_u_net_m1": Feed("wave_u_net_m1", 16, _data(22050, 1, 16384, **_SAME), (16384, 1)),
    "wave_u_net_m6": Feed("wave_u_net_m6", 16, _data(22050, 2, 147443, 16389, **_SAME), (147443, 2)),
    "dilated_u_net": Feed("dilated_u_net", 16, _data(22050, 2, 16384, **_SAME), (16384, 2)),
}


def add_options(parser):
    """Adds the options of the suite."""
    parser.add_argument("--configs", nargs="+", choices=tuple(FEEDS), default=tuple(FEEDS))
    parser.add_argument("--threads", nargs="+", type=int, default=[2], metavar="N", help="cores (default: 2)")
    parser.add_argument("--repeats", type=int, default=20, help="timed batches (default: 20)")
    parser.add_argument("--songs", type=int, default=4, help="songs of noise (default: 4)")
    parser.add_argument("--secs", type=float, default=60.0, help="length of a song (default: 60)")
    parser.add_argument("--without-networks", action="store_true", help="leave the last columns empty")


def run(options):
    """Measures every configuration and prints a table; returns the exit code."""
    whole_networks.print_machine()
    print("Excerpts per second; processor milliseconds per excerpt in brackets.\n")
    print("| config | cores | waveforms | memory map | GFLOP per excerpt | an H100 eats |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    for name in options.configs:
        for threads in options.threads:
            job = {**vars(options), "step": name, "threads": threads}
            result = whole_networks.measure("benchmarks.feeding", job)
            cells = (_cell(result.get(kind)) for kind in ("waveforms", "memory_map"))
            print(f"| {name} | {threads} | {' | '.join(cells)} | {_eaten(result['flops'])} |", flush=True)
    return 0


def _cell(speed):
    return f"{speed['per_second']:.0f} ({speed['cpu_ms']:.1f})" if speed else ""


def _eaten(flops):
    if flops is None:
        return " | "
    return f"{flops / 1e9:.1f} | {PEAK_FLOPS * USE / flops:.0f}"


def write_songs(folder, feed, num_songs, secs):
    """Writes songs of noise as records and as one file of samples.

    Returns:
        `(manifest, file)`: `AudioManifest`, and a file of int16 `(sources, samples of all songs, 2)`.
    """
    from keras_d3.audio import from_pcm16, write_audio
    from tfrecords_tools.audio_writer import RecordsConfig, write_records
    from tfrecords_tools.folder import list_folder

    rate = feed.data["sample_rate_hz"]
    num_samples = int(secs * rate)
    rng = np.random.default_rng(0)
    audio = rng.integers(-3000, 3000, (len(SOURCES), num_songs, num_samples, 2), "int16")
    for number, source in enumerate(SOURCES):
        for song in range(num_songs):
            path = folder / "songs" / "train" / f"song {song}" / f"{source}.wav"
            write_audio(path, from_pcm16(audio[number, song]), rate)
    tracks, sources = list_folder(folder / "songs", SOURCES)
    manifest = write_records(folder / "records", "noise", "folder", tracks, sources, RecordsConfig(), 1)
    audio.tofile(folder / "samples")
    return manifest, folder / "samples"


def measure(job):
    """Measures one configuration; returns its speeds and the network's operations, for JSON."""
    from keras_d3.data import check_shards_once, training_waveforms
    from keras_d3.settings import AudioDataConfig

    feed = FEEDS[job["step"]]
    with tempfile.TemporaryDirectory() as folder:
        manifest, samples = write_songs(Path(folder), feed, job["songs"], job["secs"])
        config = AudioDataConfig(**feed.data)
        check_shards_once(manifest)
        waveforms = training_waveforms(manifest, config, feed.batch_size, job["repeats"] + 10)
        speeds = {"waveforms": _speed(iter(waveforms).__next__, feed, job)}
        speeds["memory_map"] = _speed(_memory_map(samples, feed, config), feed, job)
    flops = None if job["without_networks"] else 3 * _flops(feed)
    return {**speeds, "flops": flops, "peak_gb": peak_gb()}


def _speed(make_batch, feed, job):
    """Excerpts per second and processor time of each, after batches that fill all buffers."""
    for _ in range(3):
        make_batch()
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(job["repeats"]):
        make_batch()
    num_excerpts = job["repeats"] * feed.batch_size
    return {
        "per_second": num_excerpts / (time.perf_counter() - start),
        "cpu_ms": (time.process_time() - cpu) / num_excerpts * 1e3,
    }


def _memory_map(path, feed, config):
    """A function that slices, scales and sums a batch of random excerpts of every source."""
    samples = np.memmap(path, "<i2", "r").reshape(len(SOURCES), -1, 2)
    rng = np.random.default_rng(0)
    last = samples.shape[1] - config.input_samples

    def make_batch():
        shape = (len(SOURCES), feed.batch_size, config.input_samples, 2)
        audio = np.empty(shape, "float32")
        for number in range(len(SOURCES)):
            for example in range(feed.batch_size):
                start = rng.integers(0, last)
                excerpt = samples[number, start : start + config.input_samples]
                np.multiply(excerpt, np.float32(1 / 32768), out=audio[number, example])
        return audio.sum(axis=0)

    return make_batch


def _flops(feed):
    from keras_d3 import models
    from keras_d3.analysis import convolution_flops

    return convolution_flops(models.build(feed.preset), (1, *feed.network_shape))


if __name__ == "__main__":
    job = json.loads(sys.argv[-1])
    # Before TensorFlow starts its threads: as many as there are cores.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    print(RESULT + json.dumps(measure(job)))
