"""The ledger: one line of JSON per finished run, appended whole, never twice for the same run."""

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from keras_d3.settings import RunConfig, from_dict, to_dict

MADE_BY = "python -m recipes.claims NAME --data DIR --out DIR"


@dataclasses.dataclass(frozen=True)
class LedgerRow:
    """What one run reached, and all that decided it.

    Args:
        claims: tuple of str, the claims that the run is for.
        recipe, config, scale: str, what was trained, and at which scale ("small" or "paper").
        target: str, the source that was separated; None for all sources, and for images.
        seed: int, of weights and data; None where nothing was trained.
        corpus: str, SHA-256 of the checksums of the records' shards; "" without records.
        data_set, variant, split: str, the records and what was scored.
        code: str, `code_version()`: code that decides results.
        commit: str, of the code that trained.
        config_sha256: str, of the config without its seeds.
        machine, precision: str; `threads`: int, threads of a step, 0 for those of the machine.
        steps: int; `train_secs`, `total_secs`: floats; `memory_bytes`: int, the most that the process held;
            `parameters`: int, trainable ones.
        scores: dict of song to dict of source to SDR in dB (median of 1 s frames), or of image to
            `{"mean IoU": jackknife pseudo-value in points}`.
        summary: dict, aggregated scores: "scores" and, for audio, "do_nothing", dicts of name to number.
        measurements: dict of a claim's metric to the number of this run.
        curves: tuple of dicts with "epoch", "loss" and "val_loss".
    """

    claims: tuple[str, ...]
    recipe: str
    config: str
    scale: str
    target: str | None = None
    seed: int | None = None
    corpus: str = ""
    data_set: str = ""
    variant: str = ""
    split: str = ""
    code: str = ""
    commit: str = ""
    config_sha256: str = ""
    machine: str = ""
    precision: str = ""
    threads: int = 0
    steps: int = 0
    train_secs: float = 0.0
    total_secs: float = 0.0
    memory_bytes: int = 0
    parameters: int = 0
    scores: dict = dataclasses.field(default_factory=dict)
    summary: dict = dataclasses.field(default_factory=dict)
    measurements: dict = dataclasses.field(default_factory=dict)
    curves: tuple[dict, ...] = ()

    @property
    def key(self) -> tuple:
        """What makes two rows the same run."""
        return (*self.key_without_code, self.code)

    @property
    def key_without_code(self) -> tuple:
        """What makes two rows the same run of other code."""
        names = ("recipe", "config", "scale", "target", "seed", "corpus", "config_sha256")
        return tuple(getattr(self, name) for name in names)


def config_sha256(config: RunConfig) -> str:
    """Returns a checksum of all that a config decides but its seeds, so that seeds of one config share it."""
    values: dict[str, Any] = config.to_dict()
    for part in ("training", "data"):
        values[part].pop("seed")
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("utf-8")).hexdigest()


def read_ledger(path: str | Path) -> list[LedgerRow]:
    """Reads all rows of a ledger.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a line is broken; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No ledger at `{path}`. It is made by `{MADE_BY}`.")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(from_dict(LedgerRow, json.loads(line), "row"))
        except (json.JSONDecodeError, ValueError) as error:
            raise ValueError(
                f"Line {number} of the ledger `{path}` is broken ({error}). Remove that line: the run's "
                "command writes it again."
            ) from error
    return rows


def append_row(path: str | Path, row: LedgerRow) -> bool:
    """Appends a row, unless that run is there already.

    Processes take turns by a lock on the file, and the line is written in one piece.

    Returns:
        bool, whether the row was appended.

    Raises:
        ValueError: a number is not finite, or the ledger is broken.
    """
    path = Path(path)
    text = json.dumps(to_dict(row), allow_nan=False, ensure_ascii=False, sort_keys=True) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        _lock(file)
        if any(old.key == row.key for old in read_ledger(path)):
            return False
        file.write(text.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())
    return True


def _lock(file):
    """Waits for the file, until it is closed; where the system has no such locks, it does not."""
    with contextlib.suppress(ImportError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
