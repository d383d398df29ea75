"""Score files, one per track: written with a checksum, read with types and ranges."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.evaluation.museval_scores import METRICS
from keras_d3.utils import check_positive_int, check_sample_rate, read_checked_json, write_checked_json

# A ratio of two numbers of 64 bits has less.
MOST_DB = 10_000.0
# More than the samples of any song.
MOST_SAMPLES = 1 << 40
INFINITE = ("inf", "-inf")


def write_scores(path: str | Path, scores: Mapping[str, Any]) -> None:
    """Writes what `score_track` returned."""
    write_checked_json(path, scores)


def read_scores(path: str | Path) -> dict[str, Any]:
    """Reads a score file.

    Args:
        path: of the file of one track.

    Returns:
        What `score_track` returned, and the `fingerprint` of what was scored.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged: no JSON, changed since it was written, or not the scores of a track.
    """
    scores = read_checked_json(path, "scores file")
    try:
        _check(scores)
    except ValueError as error:
        raise ValueError(
            f"The scores file `{path}` is damaged: {error} Remove it, and score the track again."
        ) from error
    return scores


def _check(scores):
    for name, kind in (("track", str), ("tool", str), ("targets", dict)):
        _check_type(scores if isinstance(scores, dict) else {}, name, kind)
    check_sample_rate("sample_rate_hz", scores.get("sample_rate_hz"))
    for name in ("window_samples", "hop_samples"):
        check_positive_int(name, scores.get(name), 1, MOST_SAMPLES)
    for target, metrics in scores["targets"].items():
        for metric in (*METRICS, *_mapping(f"targets.{target}", metrics)):
            _check_type(metrics, metric, list)
            _check_db(f"targets.{target}.{metric}", metrics[metric])
    for target, metrics in _mapping("song", scores.get("song", {})).items():
        _check_db(f"song.{target}", list(_mapping(f"song.{target}", metrics).values()))
    if "scenarios" in scores:
        _check_scenarios(scores)


def _check_scenarios(scores):
    _check_type(scores, "scenarios", list)
    if scores["scenarios"]:
        check_positive_int("num_frames", scores.get("num_frames"), 0, MOST_SAMPLES)
    for scenario in scores["scenarios"]:
        silent = _mapping("scenarios", scenario).get("silent_references", [])
        names = (scenario.get("sources"), scenario.get("targets"), silent)
        if not all(isinstance(part, list) and all(isinstance(name, str) for name in part) for part in names):
            raise ValueError(f"`scenarios` must have lists of names. Received: {scenario!r} in it.")
        _check_type(scenario, "dropped_frames", list)
        for frame in scenario["dropped_frames"]:
            _check_type(_mapping("dropped_frames", frame), "reason", str)


def _check_type(values, name, kind):
    if not isinstance(values.get(name), kind):
        raise ValueError(f"`{name}` must be a {kind.__name__}. Received: {values.get(name)!r}.")


def _mapping(name, values):
    if not isinstance(values, dict):
        raise ValueError(f"`{name}` must be a mapping. Received: {values!r}.")
    return values


def _check_db(name, values):
    for value in values:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (value is None or value in INFINITE or (is_number and -MOST_DB <= value <= MOST_DB)):
            raise ValueError(
                f"`{name}` must be numbers of dB, 'inf', '-inf' or null. Received: {value!r} in it."
            )
