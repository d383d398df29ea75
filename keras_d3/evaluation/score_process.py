"""Scores one track; run by `score_directory` as `python -m keras_d3.evaluation.score_process`.

Reads a task as JSON from standard input, writes one scores file per separator, and answers
with one line of JSON on standard output: {"done": count} or {"error": type, "message": text}.
"""

import json
import os
import sys

from keras_d3.evaluation.kept_scores import write_scores
from keras_d3.evaluation.museval_scores import score_estimates
from keras_d3.evaluation.score_files import read_track

# Errors on the input, handed to the caller by name; anything else is a traceback on standard error.
EXPECTED = (FileNotFoundError, RuntimeError, ValueError)


def run(task):
    """Scores the jobs of `task` on its references and writes each job's file.

    Raises:
        ValueError, FileNotFoundError, RuntimeError: as `score_track` and `read_audio` do; those on
            samples name the track.
    """
    if task["nice"] and hasattr(os, "nice"):
        os.nice(task["nice"])
    estimates = {job["name"]: job["estimates"] for job in task["jobs"]}
    allowed = task.get("pad_or_truncate_secs", 0.0)
    try:
        references, estimate_sets, sample_rate = read_track(task["references"], estimates, allowed)
        scores = score_estimates(references, estimate_sets, sample_rate, task["track"], **task["settings"])
    except ValueError as error:
        raise ValueError(f"Track '{task['track']}': {error}") from error
    for job in task["jobs"]:
        write_scores(job["out"], {**scores[job["name"]], "fingerprint": job["fingerprint"]})
    return len(task["jobs"])


def main():
    """Answers for one task; returns the exit status."""
    try:
        answer = {"done": run(json.load(sys.stdin))}
    except EXPECTED as error:
        kind = next(kind for kind in EXPECTED if isinstance(error, kind))
        answer = {"error": kind.__name__, "message": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    return int("error" in answer)


if __name__ == "__main__":
    raise SystemExit(main())
