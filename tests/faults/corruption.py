"""Random damage to every file that the program reads, and what comes of it.

python -m tests.faults.corruption --faults 100 --out corruption.json

Each fault flips a bit, cuts the file, or overwrites some of its bytes; then the file is read as the program
does. `right`: the same as from the whole file. `refused`: a ValueError or OSError with a sentence.
`warned`: something else was read, with a warning that names the file. `traceback`: any other error. `wrong`:
something else was read without a word.
"""

import argparse
import dataclasses
import json
import logging
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

OUTCOMES = ("right", "refused", "warned", "traceback", "wrong")
# What no reader can know: files of other programs without a checksum, and files that are valid when changed.
UNDETECTABLE = {
    "NNabla weights": "HDF5 as NNabla writes it has no checksums: a weight that stays possible is a weight",
    "settings of the authors": "a text that anyone may write",
    "JPEG": "its format has no checksum",
    "audio, wav": "samples without a checksum",
    "audio, mp3": "frames without a checksum, as most encoders write them; a lost one is little of a song",
    "audio, aac": "frames without a checksum",
    "audio, m4a": "frames without a checksum",
    "audio, webm": "Matroska's checksums are not compared by ffmpeg, and Opus has none of its own",
    "audio, mka": "Matroska's checksums are not compared by ffmpeg; those of FLAC frames are",
}


@dataclasses.dataclass(frozen=True)
class Target:
    """A file, and a function without arguments that reads it as the program does, into comparable values."""

    name: str
    path: Path
    read: Callable


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns other bytes than `content`."""
    data, how = bytearray(content), rng.integers(4)
    place = int(rng.integers(len(data)))
    if how == 0:
        return content[:place]
    if how == 1:
        length = int(rng.integers(1, 17))
        data[place : place + length] = rng.bytes(min(length, len(data) - place))
    elif how == 2:
        data[place : place + 64] = bytes(len(data[place : place + 64]))
    if how == 3 or data == content:
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def outcome_of(target: Target, expected) -> tuple[str, str]:
    """Returns (outcome, what was said) of reading a damaged file."""
    said = _Said()
    logging.getLogger("keras_d3").addHandler(said)
    try:
        found = target.read()
    except (ValueError, OSError) as error:
        return "refused", str(error)
    except Exception:
        return "traceback", traceback.format_exc(limit=-2)
    finally:
        logging.getLogger("keras_d3").removeHandler(said)
    if same(found, expected):
        return "right", ""
    words = "; ".join(said.messages)
    return ("warned" if str(target.path) in words else "wrong"), words


class _Said(logging.Handler):
    """Keeps warnings."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def same(one, other) -> bool:
    """Whether nested dicts and sequences of arrays and values are equal to the bit."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return one == other


def run_campaign(targets: Iterator[Target], num_faults: int, seed: int = 0) -> dict[str, dict]:
    """Damages each target's file `num_faults` times; returns counts of outcomes and examples by name."""
    table = {}
    for target in targets:
        rng = np.random.default_rng([seed, *target.name.encode()])
        whole, expected = target.path.read_bytes(), target.read()
        row = table.setdefault(target.name, {**dict.fromkeys(OUTCOMES, 0), "examples": []})
        for _ in range(num_faults):
            target.path.write_bytes(damaged(whole, rng))
            outcome, words = outcome_of(target, expected)
            row[outcome] += 1
            if outcome in ("traceback", "wrong"):
                row["examples"].append(words)
        target.path.write_bytes(whole)
        assert same(target.read(), expected), f"{target.name} is not read as before"
    return table


def as_text(table: dict[str, dict]) -> str:
    """Returns the table of outcomes as lines of text, with the sums below."""
    sums = {outcome: sum(row[outcome] for row in table.values()) for outcome in OUTCOMES}
    lines = [f"{'file':40}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES)]
    for name, row in [*table.items(), ("all", sums)]:
        lines.append(f"{name:40}" + "".join(f"{row[outcome]:11}" for outcome in OUTCOMES))
    return "\n".join(lines)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.corruption", description="Damages files.")
    parser.add_argument("--faults", type=int, default=100, help="per file (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage (default: 0)")
    parser.add_argument("--only", metavar="WORD", help="files that have this word in their name")
    parser.add_argument("--out", help="path of a JSON file for the table")
    options = parser.parse_args(arguments)
    from tests.faults.targets import make_targets  # after the arguments: it imports TensorFlow

    with tempfile.TemporaryDirectory() as folder:
        targets = (target for target in make_targets(Path(folder)) if (options.only or "") in target.name)
        table = run_campaign(targets, options.faults, options.seed)
    print(as_text(table))
    if options.out:
        Path(options.out).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
