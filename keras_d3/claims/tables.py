"""Results, runs and scores of claims as tables."""

from collections.abc import Sequence

import numpy as np

from keras_d3.claims.ledger import LedgerRow
from keras_d3.claims.results import FAILS, ContrastResult
from keras_d3.claims.statistics import HOLDS, REVERSED
from keras_d3.report import Cell, Table
from keras_d3.settings import UNTRAINED


def results_table(results: Sequence[ContrastResult]) -> Table:
    """Returns one row per comparison: effect, interval, verdict, seeds that would decide."""
    rows = []
    for result in results:
        effect, claim = result.effect, result.named.claim
        size = "" if result.scale == "small" else "paper's size"
        rows.append(
            (
                Cell(result.named.name, detail=size),
                Cell(result.contrast.label),
                Cell(f"{claim.metric}{f' of {claim.target}' if claim.target else ''}"),
                Cell(_signed(result.published)),
                Cell(_signed(effect and effect.mean)),
                Cell(interval_text(result)),
                Cell(str(effect.num_seeds) if effect and claim.metric not in UNTRAINED else ""),
                Cell(str(effect.num_items) if effect and effect.num_items > 1 else ""),
                Cell(result.verdict),
                Cell(seeds_text(result)),
            )
        )
    columns = (
        "claim", "comparison", "metric", "paper", "effect", "95 % interval", "seeds", "songs or images",
        "verdict", "would decide",
    )  # fmt: skip
    caption = "Effects (dB, points of mean IoU, or the metric's unit), paired by seed and by song or image"
    return Table(caption, columns, tuple(rows), text_columns=(0, 1, 2, 8, 9))


def signed(value: float) -> str:
    """Returns a number with its sign and two decimals, or two digits where these would be zeros."""
    return f"{value:+.2g}" if 0 < abs(value) < 0.005 else f"{value:+.2f}"


def interval_text(result: ContrastResult) -> str:
    """Returns the interval of a result as text; "" without one."""
    effect = result.effect
    if effect is None or effect.low is None or effect.high is None:
        return ""
    return f"{signed(effect.low)} to {signed(effect.high)}"


def seeds_text(result: ContrastResult) -> str:
    """Returns how many more seeds would decide, as text; "" for what is decided or was not compared."""
    if result.effect is None or result.verdict in (HOLDS, REVERSED, FAILS):
        return ""
    if result.effect.low is None:
        return "1 seed: no interval"
    if result.seeds_needed is None:
        return "no number of seeds up to 200"
    more = max(result.seeds_needed - result.effect.num_seeds, 1)
    return f"{more} more seed{'' if more == 1 else 's'}"


def spread_table(results: Sequence[ContrastResult]) -> Table | None:
    """Returns where the spread of the differences comes from; None where nothing has an interval."""
    rows = [
        (
            Cell(result.named.name),
            Cell(result.contrast.label),
            *(
                Cell(f"{np.sqrt(variance):.2f}")
                for variance in (
                    result.effect.seed_variance,
                    result.effect.item_variance,
                    result.effect.residual_variance,
                )
            ),
        )
        for result in results
        if result.effect and result.effect.seed_variance is not None
    ]
    if not rows:
        return None
    return Table(
        "Standard deviations of the paired differences: between seeds, between songs or images, and the rest",
        ("claim", "comparison", "seeds", "songs or images", "rest"),
        tuple(rows),
        text_columns=(0, 1),
    )


def config_name(row: LedgerRow) -> str:
    """Returns what a row trained, such as "d3net_mss/small, drums"."""
    return f"{row.recipe}/{row.config}{f', {row.target}' if row.target else ''}"


def scores_table(rows: Sequence[LedgerRow]) -> Table:
    """Returns one row per config and corpus: mean and standard deviation over seeds of every score."""
    groups: dict[tuple, list[LedgerRow]] = {}
    for row in rows:
        if row.summary.get("scores"):
            groups.setdefault((config_name(row), row.corpus, row.code), []).append(row)
    names = list(dict.fromkeys(name for row in rows for name in row.summary.get("scores", {})))
    lines = []
    for (name, _, _), runs in groups.items():
        cells = [
            Cell(_mean_and_spread([run.summary["scores"].get(column) for run in runs])) for column in names
        ]
        first = runs[0]
        facts = (Cell(first.data_set), Cell(f"{first.parameters:,}"), Cell(str(len(runs))))
        lines.append((Cell(name), *facts, *cells))
        nothing = first.summary.get("do_nothing")
        if nothing:
            shown = [Cell(_number(nothing.get(column))) for column in names]
            lines.append((Cell("Do nothing", detail=f"beside {name}"), facts[0], Cell(), Cell(), *shown))
    return Table(
        "Scores, mean and standard deviation over seeds: SDR in dB (median of 1 s frames, then of songs), "
        "mean IoU in points",
        ("config", "data set", "parameters", "seeds", *names),
        tuple(lines),
        text_columns=(0, 1),
    )


def runs_table(rows: Sequence[LedgerRow]) -> Table:
    """Returns one row per run of the ledger."""
    lines = [
        (
            Cell(config_name(row)),
            Cell("" if row.seed is None else str(row.seed)),
            Cell(row.corpus[:12]),
            Cell(row.code),
            Cell(row.commit),
            Cell(row.machine),
            Cell(row.precision),
            Cell(f"{row.steps:,}" if row.steps else ""),
            Cell(f"{row.train_secs:,.0f}" if row.train_secs else ""),
            Cell(f"{row.total_secs:,.0f}"),
            Cell(f"{row.memory_bytes / 1e9:.1f}" if row.memory_bytes else ""),
            Cell(f"{row.parameters:,}"),
        )
        for row in rows
    ]
    columns = (
        "run", "seed", "corpus", "code", "commit", "machine", "precision", "steps", "training (s)",
        "all (s)", "memory (GB)", "parameters",
    )  # fmt: skip
    return Table("Runs of the ledger", columns, tuple(lines), text_columns=(0, 2, 3, 4, 5, 6))


def _mean_and_spread(values):
    numbers = [value for value in values if value is not None]
    if not numbers:
        return ""
    if len(numbers) == 1:
        return _number(numbers[0])
    return f"{np.mean(numbers):.2f} ± {np.std(numbers, ddof=1):.2f}"


def _number(value):
    return "" if value is None else f"{value:.2f}"


def _signed(value):
    return "" if value is None else signed(value)
