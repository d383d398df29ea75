"""The suite `scores`: the four scores of BSS Eval v4 by this package, timed beside museval in one process.

Both score the same generated song on `--threads` cores with as many BLAS threads, in turns. The song is
stereo noise as steep as music, of moving loudness, rounded to 16 bits; the estimates have wrong levels,
leakage and noise.

`python -m benchmarks.scores JOB` is the process that measures.
"""

import json
import os
import sys
import time

import numpy as np

from benchmarks import whole_networks
from benchmarks.timing_report import RESULT, peak_gb

RATE_HZ = 44100
SOURCES = ("bass", "drums", "other", "vocals")
BACKENDS = ("museval", "shared")


def add_options(parser):
    """Adds the options of the suite."""
    parser.add_argument("--secs", type=float, default=30.0, help="length of the song (default: 30)")
    parser.add_argument("--num-sources", type=int, default=4, choices=(2, 3, 4), help="default: 4")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N", help="(default: 1)")
    parser.add_argument("--repeats", type=int, default=1, help="timed runs of each (default: 1)")


def run(options):
    """Measures for every number of threads and prints a table; returns the exit code."""
    print("| threads | museval s | shared s | museval / shared | SDR, ISR, SIR, SAR differ by dB | peak GB |")
    print("|---:|---:|---:|---:|---:|---:|")
    for threads in options.threads:
        job = {**vars(options), "step": "scores", "threads": threads}
        result = whole_networks.measure("benchmarks.scores", job)
        slow, fast = (float(np.median(result["secs"][backend])) for backend in BACKENDS)
        differences = ", ".join(f"{value:.0e}" for value in result["differences_db"])
        print(
            f"| {threads} | {slow:.1f} | {fast:.1f} | {slow / fast:.1f} | {differences} "
            f"| {result['peak_gb']:.1f} |"
        )
    return 0


def song(secs, num_sources):
    """Returns references and estimates, dicts of source to float64 array (time, 2)."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(0)
    num_samples = int(secs * RATE_HZ)
    references = {}
    for number, source in enumerate(SOURCES[:num_sources], 1):
        # A pole near 1 falls by 6 dB per octave, from 70 Hz for the first source on.
        audio = lfilter([1.0], [1.0, -(1 - 0.01 * number)], rng.standard_normal((num_samples, 2)), axis=0)
        audio[:, 1] = 0.7 * audio[:, 0] + 0.3 * audio[:, 1]
        audio *= (1.05 + np.sin(number * np.arange(num_samples) / RATE_HZ))[:, None]
        references[source] = _rounded(0.3 * audio / np.max(np.abs(audio)))
    mixture = sum(references.values())
    noise = 1e-3 * rng.standard_normal((num_sources, num_samples, 2))
    estimates = {
        source: _rounded(0.85 * audio + 0.05 * mixture + hiss)
        for (source, audio), hiss in zip(references.items(), noise, strict=True)
    }
    return references, estimates


def _rounded(audio):
    return np.round(audio * 32768) / 32768


def measure(job):
    """Scores the song with every backend; returns seconds, largest differences and memory, for JSON."""
    from keras_d3.evaluation import METRICS, score_track

    references, estimates = song(job["secs"], job["num_sources"])
    # Imports and the threads of BLAS are paid before.
    short = [{name: audio[:4410] for name, audio in signals.items()} for signals in (references, estimates)]
    for backend in BACKENDS:
        score_track(*short, 4410, "warm-up", backend=backend)
    secs, values = {backend: [] for backend in BACKENDS}, {}
    for _ in range(job["repeats"]):
        for backend in BACKENDS:
            start = time.perf_counter()
            scores = score_track(references, estimates, RATE_HZ, "song", backend=backend)
            secs[backend].append(time.perf_counter() - start)
            targets = scores["targets"].values()
            values[backend] = np.array([[target[metric] for target in targets] for metric in METRICS], float)
    differences = np.max(np.abs(values["shared"] - values["museval"]), axis=(1, 2))
    return {"secs": secs, "differences_db": differences.tolist(), "peak_gb": peak_gb()}


if __name__ == "__main__":
    job = json.loads(sys.argv[-1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    print(RESULT + json.dumps(measure(job)))
