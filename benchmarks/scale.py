"""`python -m benchmarks.scale`: records and stems of generated songs, per hour and per minute of music.

Makes songs in MUSDB18's layout and writes records of them with `python -m tfrecords_tools`, a process of its
own for every row, whose time, processor time and memory are measured from outside. Then writes their sources
as `keras-d3 separate` writes stems, and measures the files.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from keras_d3.audio import AUDIO_FORMATS, AudioFormat, AudioWriter
from keras_d3.utils import run_reporting_errors

# Stereo at 44.1 kHz, the mixture and four sources.
RATE_HZ, SOURCES = 44100, ("bass", "drums", "other", "vocals")


def build_parser():
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--songs", type=int, default=4, help="number of songs (default 4)")
    parser.add_argument("--secs", type=float, default=30.0, help="length of a song (default 30)")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], metavar="N", help="(default: 1 2)")
    parser.add_argument("--encodings", nargs="+", default=["pcm16", "flac"], help="(default: pcm16 flac)")
    parser.add_argument(
        "--formats", nargs="*", choices=AUDIO_FORMATS, default=AUDIO_FORMATS, help="of stems (default: all)"
    )
    return parser


def main(arguments=None):
    """Runs the command; returns the exit code."""
    return run_reporting_errors(run, build_parser().parse_args(arguments))


def run(options):
    """Measures every encoding with every number of workers and prints a table; returns the exit code."""
    print("| encoding | workers | songs/h | processor s per song-minute | peak GB | MB per song-minute |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        songs = Path(folder) / "songs"
        _write_songs(songs, options.songs, options.secs)
        for encoding in options.encodings:
            for workers in options.workers:
                out = Path(folder) / f"{encoding}_{workers}"
                # A song per shard, so that there is work for every worker.
                arguments = ["folder", "--root", songs, "--out", out, "--shard-mb", 1, "--no-validation"]
                measured = _measure([*arguments, "--encoding", encoding, "--workers", workers])
                num_bytes = sum(path.stat().st_size for path in out.glob("*.tfrecord"))
                print(row(encoding, workers, options.songs, options.secs, *measured, num_bytes), flush=True)
        print("\n| stems | MB per song-minute |\n|---|---:|")
        for name in options.formats:
            num_bytes = _stem_bytes(songs, Path(folder) / "stems", AudioFormat(name))
            print(f"| {name} | {num_bytes / 1e6 / (options.songs * options.secs / 60):.1f} |", flush=True)
    return 0


def row(encoding, workers, num_songs, secs, elapsed_secs, processor_secs, peak_bytes, num_bytes):
    """Returns one line of the table."""
    mins = num_songs * secs / 60
    return (
        f"| {encoding} | {workers} | {num_songs / elapsed_secs * 3600:.0f} | {processor_secs / mins:.1f} "
        f"| {peak_bytes / 1e9:.2f} | {num_bytes / 1e6 / mins:.1f} |"
    )


def _write_songs(root, num_songs, secs):
    """Noise as steep as music, so that FLAC has something to do: white noise cannot be coded."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    for number in range(num_songs):
        folder = root / "train" / f"song {number}"
        folder.mkdir(parents=True)
        for source in SOURCES:
            walk = np.cumsum(rng.normal(size=(int(secs * RATE_HZ), 2)), axis=0)
            audio = np.diff(walk, axis=0, prepend=0) * 0.01 + np.sin(walk / 50) * 0.1
            soundfile.write(folder / f"{source}.wav", audio, RATE_HZ, subtype="PCM_16")


def _stem_bytes(songs, folder, audio_format):
    """Writes the sources of all songs in a format; returns the bytes of the files."""
    import soundfile

    folder.mkdir(exist_ok=True)
    num_bytes = 0
    for path in sorted(songs.rglob("*.wav")):
        audio, _ = soundfile.read(path, dtype="float32")
        out = folder / f"stem{audio_format.suffix}"
        with AudioWriter(out, audio_format, RATE_HZ, 2, len(audio)) as writer:
            writer.write(audio)
        num_bytes += out.stat().st_size
    return num_bytes


def _measure(arguments):
    """Runs `python -m tfrecords_tools`; returns seconds, processor seconds, bytes of the largest process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "tfrecords_tools", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`{' '.join(command[1:])}` ended with exit status {process.returncode}.")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
