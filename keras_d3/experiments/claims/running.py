"""Runs the missing runs of claims, each in a process of its own at low priority, and appends their rows."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from keras_d3.claims import LedgerRow, append_row
from keras_d3.experiments.claims.plan import ClaimRun
from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import Job, num_cores, run_jobs

LOWEST_PRIORITY = 19


def train_and_score(
    runs: Sequence[ClaimRun],
    out_dir: str | Path,
    ledger: str | Path,
    num_workers: int = 1,
    initial_weights: Mapping[str, str] | None = None,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Runs every run and appends its row to the ledger when it is finished.

    Args:
        runs: sequence of `ClaimRun` with records.
        out_dir: path of run directories and references.
        ledger: path of the ledger.
        num_workers: int, processes at a time, which share the cores.
        initial_weights: dict of config to the file that its training starts from; "*" for all configs that
            start from other weights.
        say: function of one string.

    Returns:
        List of str, what failed and why; the other runs go on.
    """
    threads = max(1, num_cores() // num_workers)
    jobs = [_job_of(run, Path(out_dir), threads, dict(initial_weights or {})) for run in runs]
    failures = []
    with tqdm(total=len(runs), desc="runs", unit="run") as bar:
        for job, future in run_jobs(jobs, num_workers):
            error = future.exception()
            if error is not None:
                failures.append(f"{job.title}: {error}")
                say(failures[-1])
            else:
                append_row(ledger, from_dict(LedgerRow, future.result(), "row"))
            bar.update()
    return failures


def _job_of(run: ClaimRun, out_dir: Path, threads: int, weights: dict[str, str]) -> Job:
    for_all = weights.get("*") if run.config.pretrained else None
    # What the accompaniment is depends on the sources.
    sources = "_".join(run.config.sources) or "images"
    arguments = {
        "config": run.config.to_dict(),
        "row": to_dict(run.row),
        "data_dir": str(run.manifest.directory),
        "run_dir": str(run.directory(out_dir)),
        "references_dir": str(out_dir / "corpora" / run.corpus[:12] / sources / "references"),
        "measurements": list(run.measurements),
        "initial_weights": weights.get(run.config.name, for_all),
        "threads": threads,
    }
    return Job(run.title, "keras_d3.experiments.claims.job", arguments, threads, LOWEST_PRIORITY)
