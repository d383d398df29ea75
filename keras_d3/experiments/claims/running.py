"""Runs the missing runs of claims, each in a process of its own at low priority, and appends their rows."""

import concurrent.futures
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from keras_d3.claims import LedgerRow, append_row
from keras_d3.experiments.claims.plan import ClaimRun
from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import num_cores, read_json, write_json

LOWEST_PRIORITY = 19
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "OPENBLAS_NUM_THREADS")


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
    failures = []
    with (
        concurrent.futures.ThreadPoolExecutor(num_workers) as pool,
        tqdm(total=len(runs), desc="runs", unit="run") as bar,
    ):
        futures = {
            pool.submit(_in_own_process, run, Path(out_dir), threads, dict(initial_weights or {})): run
            for run in runs
        }
        try:
            for future in concurrent.futures.as_completed(futures):
                run, error = futures[future], future.exception()
                if error is not None:
                    failures.append(f"{run.title}: {error}")
                    say(failures[-1])
                else:
                    append_row(ledger, future.result())
                bar.update()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failures


def _in_own_process(run: ClaimRun, out_dir: Path, threads: int, weights: dict[str, str]) -> LedgerRow:
    for_all = weights.get("*") if run.config.pretrained else None
    with tempfile.TemporaryDirectory() as folder:
        job_file, row_file = Path(folder) / "job.json", Path(folder) / "row.json"
        job = {
            "config": run.config.to_dict(),
            "row": to_dict(run.row),
            "data_dir": str(run.manifest.directory),
            "run_dir": str(run.directory(out_dir)),
            # What the accompaniment is depends on the sources.
            "references_dir": str(
                out_dir
                / "corpora"
                / run.corpus[:12]
                / ("_".join(run.config.sources) or "images")
                / "references"
            ),
            "measurements": list(run.measurements),
            "initial_weights": weights.get(run.config.name, for_all),
            "threads": threads,
            "row_file": str(row_file),
        }
        write_json(job_file, job)
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **dict.fromkeys(_THREADS, str(threads))}
        done = subprocess.run(
            _low_priority([sys.executable, "-m", "keras_d3.experiments.claims.job", str(job_file)]),
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            killed = "It was killed, perhaps for want of memory. " if done.returncode < 0 else ""
            raise RuntimeError(f"{killed}{reason}")
        return from_dict(LedgerRow, read_json(row_file, "row"), "row")


def _low_priority(command: list[str]) -> list[str]:
    return ["nice", "-n", str(LOWEST_PRIORITY), *command] if os.name == "posix" else command
