"""`python -m tests.faults.campaign`: kills every kind of work at each of its steps, and prints a table.

About half an hour on two cores; `--every 10` takes each tenth step. Exit code 1 if anything was not right.
"""

import argparse
import collections
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}

from tests.faults import heavy_work, small_work, weights_work  # noqa: E402
from tests.faults.kill_points import CLASSES, DONE, RIGHT, campaign, run_forked  # noqa: E402


def kinds(folder: Path, stack: contextlib.ExitStack) -> dict:
    """Returns the arguments of `campaign` by kind of work; makes what they begin from in `folder`.

    Args:
        folder: an empty folder.
        stack: holds the server that is pulled from.
    """
    audio, records, old, model, estimates, authors = (
        folder / name for name in ("audio", "rec", "old", "sep", "est", "weights")
    )
    for path, work in (
        (audio, heavy_work.write_audio_folder),
        (records, heavy_work.write_audio_folder),
        (records, heavy_work.records),
        (old, lambda path: (path.mkdir(), heavy_work.export(path))),
        (model, lambda path: (path.mkdir(), heavy_work.model_and_records(path))),
        (estimates, heavy_work.estimates),
        (authors, lambda path: (path.mkdir(), weights_work.write_authors_files(path / "authors"))),
    ):
        assert run_forked(lambda path=path, work=work: work(path)) == DONE, path
    authors_files = authors / "authors"
    address = stack.enter_context(weights_work.served(authors_files / "models.zip"))
    same = {"content_of": heavy_work.content_of}
    return {
        "records": ((heavy_work.copied(audio, "audio"), heavy_work.records), {}),
        "training": (
            (heavy_work.copied(records, "records"), heavy_work.training),
            {**same, "reader": heavy_work.finds_the_weights_of_the_state},
        ),
        "training, weights that say their epoch": (
            (lambda path: path.mkdir(), small_work.train),
            {"reader": small_work.finds_the_weights_of_the_state},
        ),
        "separation of a song": (
            (small_work.songs, small_work.separate),
            {"reader": small_work.has_stems_of_one_separation},
        ),
        "separation of records": (
            (heavy_work.copied(model, "model", "records"), heavy_work.separation_of_records),
            same,
        ),
        "evaluation": ((heavy_work.copied(estimates, "references", "estimates"), heavy_work.scores), {}),
        "export": ((lambda path: path.mkdir(), heavy_work.export), same),
        "export over another": (
            (heavy_work.copied(old, "model"), heavy_work.export_other),
            {**same, "reader": heavy_work.whole_model(old)},
        ),
        "conversion": (
            (lambda path: path.mkdir(), weights_work.conversion_of(authors_files)),
            {
                "content_of": weights_work.weights_content_of,
                "reader": weights_work.has_no_model_or_a_whole_one,
            },
        ),
        "pull": (
            (lambda path: path.mkdir(), weights_work.pull_from(address, authors_files)),
            {
                "content_of": weights_work.weights_content_of,
                "reader": weights_work.has_no_model_or_the_recorded_one,
            },
        ),
        "replacing a directory": (
            (small_work.model_directory, small_work.replace_directory),
            {"reader": small_work.has_one_whole_directory},
        ),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth step (default: 1)")
    parser.add_argument("--only", metavar="WORD", help="kinds of work that have this word in their name")
    options = parser.parse_args(arguments)
    total = collections.Counter()
    print(f"| work | steps | {' | '.join(CLASSES)} | secs |")
    print("|---|" + "---:|" * (len(CLASSES) + 2), flush=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for number, (name, (works, checks)) in enumerate(kinds(Path(folder), stack).items()):
            if options.only and options.only not in name:
                continue
            start, place = time.perf_counter(), Path(folder) / f"campaign{number}"
            place.mkdir()
            counts, notes = campaign(*works, place, **checks, every=options.every)
            total += counts
            cells = (sum(counts.values()), *(counts[kind] for kind in CLASSES))
            secs = time.perf_counter() - start
            print(f"| {name} | {' | '.join(map(str, cells))} | {secs:.0f} |", flush=True)
            for note in notes:
                print(f"    {name}: {note}", file=sys.stderr)
    print(f"| all | {sum(total.values())} | {' | '.join(str(total[kind]) for kind in CLASSES)} | |")
    return int(set(total) != {RIGHT})


if __name__ == "__main__":
    sys.exit(main())
