"""From rows of the ledger to verdicts: what may be compared is compared, what may not is said."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_d3.claims.ledger import LedgerRow
from keras_d3.claims.statistics import HOLDS, REVERSED, Effect, paired_effect, seeds_to_decide, verdict_of
from keras_d3.settings import PER_RUN, UNTRAINED, Claim, Contrast

NO_RUNS, NOT_COMPARABLE = "no runs", "not comparable"
# Of what is counted or compared once.
FAILS = "does not hold"
# A digit that is not printed.
ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class NamedClaim:
    """A claim with the recipe it stands in.

    Args:
        recipe: str, name of the recipe.
        citation: str, the paper.
        claim: `Claim`.
    """

    recipe: str
    citation: str
    claim: Claim

    @property
    def name(self) -> str:
        """Such as "d3net_mss/dilation_drums"."""
        return f"{self.recipe}/{self.claim.name}"


@dataclasses.dataclass(frozen=True)
class ContrastResult:
    """What the runs say of one comparison of a claim.

    Args:
        named: `NamedClaim`.
        scale: str.
        contrast: `Contrast`.
        verdict: str, "holds", "reversed", "undecided", "does not hold" (of what has no noise), "no runs" or
            "not comparable".
        effect: `Effect`; None without runs that can be compared.
        published: float, the effect that the paper's numbers give; None where it prints none.
        seeds_needed: int, seeds in all that would decide; None for decided ones, and where none would.
        problems: tuple of str, why runs were not compared.
        means: dict of label of a side to the mean of its scores.
    """

    named: NamedClaim
    scale: str
    contrast: Contrast
    verdict: str
    effect: Effect | None = None
    published: float | None = None
    seeds_needed: int | None = None
    problems: tuple[str, ...] = ()
    means: dict[str, float] = dataclasses.field(default_factory=dict)


def evaluate_claim(
    named: NamedClaim, rows: Sequence[LedgerRow], scale: str, any_commit: bool = False
) -> list[ContrastResult]:
    """Compares the runs of a claim.

    Runs are compared only where all networks of a comparison have the same seeds, corpus, songs or images,
    and code; else the result says what differs.

    Args:
        named: `NamedClaim`.
        rows: sequence of `LedgerRow`.
        scale: str, "small" or "paper".
        any_commit: bool, whether runs of different code may be compared.

    Returns:
        List of `ContrastResult`, one per comparison.
    """
    return [_evaluate(named, contrast, rows, scale, any_commit) for contrast in named.claim.contrasts]


def rows_of(named: NamedClaim, label: str, rows: Sequence[LedgerRow], scale: str) -> list[LedgerRow]:
    """Returns the rows of one side of a claim at a scale."""
    claim = named.claim
    config = claim.side(label).config(scale)
    return [
        row
        for row in rows
        if (row.recipe, row.config, row.scale) == (named.recipe, config, scale)
        # A network of all sources has no target of its own.
        and row.target in (None, claim.target)
        # Rows without a seed are of what was not trained.
        and (row.seed is None) == (claim.metric in UNTRAINED)
        and (claim.metric in row.measurements or claim.metric not in (*PER_RUN, *UNTRAINED))
    ]


def item_values(claim: Claim, row: LedgerRow) -> dict[str, float]:
    """Returns the value of a run per song or image, or `{"": value}` where it is one per run."""
    if claim.metric in row.measurements:
        return {"": row.measurements[claim.metric]}
    values = {}
    for item, scores in row.scores.items():
        wanted = list(scores.values()) if claim.target is None else [scores.get(claim.target)]
        if wanted and all(value is not None for value in wanted):
            values[item] = float(np.mean(wanted))
    return values


def _evaluate(named, contrast, rows, scale, any_commit):
    claim = named.claim
    common = {
        "named": named,
        "scale": scale,
        "contrast": contrast,
        "published": claim.published_effect(contrast),
    }
    found = {label: rows_of(named, label, rows, scale) for label in contrast.weights}
    missing = [label for label, runs in found.items() if not runs]
    if missing:
        problems = tuple(_missing(claim, label, scale) for label in missing)
        return ContrastResult(verdict=NO_RUNS, problems=problems, **common)
    problems = _problems(found, any_commit)
    if problems:
        return ContrastResult(verdict=NOT_COMPARABLE, problems=problems, **common)
    by_seed = {label: _by_seed(claim, runs) for label, runs in found.items()}
    items, dropped = _common_items(by_seed)
    if not items:
        problems = ("No song or image has a score in all runs.",)
        return ContrastResult(verdict=NOT_COMPARABLE, problems=problems, **common)
    means = {label: _mean(seeds, items) for label, seeds in by_seed.items()}
    differences = contrast.offset + sum(
        weight * _matrix(by_seed[label], items) for label, weight in contrast.weights.items()
    )
    effect = paired_effect(differences)
    if claim.metric in UNTRAINED:
        verdict, needed = _exact_verdict(claim, contrast, effect.mean), None
    else:
        verdict = verdict_of(effect, contrast.margin)
        decided = verdict in (HOLDS, REVERSED)
        needed = None if decided else seeds_to_decide(effect, contrast.margin)
    notes = (f"Left out, not scored in every run: {', '.join(dropped)}.",) if dropped else ()
    return ContrastResult(
        verdict=verdict, effect=effect, seeds_needed=needed, means=means, problems=notes, **common
    )


def _missing(claim, label, scale):
    config = claim.side(label).config(scale)
    return f"No run of {config} ({label})." if config else f"No config at the {scale} scale: {label}."


def _exact_verdict(claim, contrast, value):
    """Of what is counted or compared once, without noise."""
    shortfall = abs(value) if claim.kind == "number" else -value
    return HOLDS if shortfall <= contrast.margin + ROUNDING else FAILS


def _problems(found, any_commit):
    """What differs between the runs of a comparison although it must not."""
    problems = []
    runs = [row for rows in found.values() for row in rows]
    corpora = sorted({row.corpus for row in runs})
    if len(corpora) > 1:
        names = ", ".join(f"{corpus[:12] or 'none'} ({_count(runs, 'corpus', corpus)})" for corpus in corpora)
        problems.append(f"The runs are of {len(corpora)} corpora: {names}. Choose one by --corpus.")
    codes = sorted({row.code for row in runs})
    if len(codes) > 1 and not any_commit:
        names = ", ".join(f"{code or 'unknown'} ({_commits(runs, code)})" for code in codes)
        problems.append(
            f"The runs are of different code: {names}. Choose one by --code, or compare them all the same by "
            "--any-commit."
        )
    for label, rows in found.items():
        if len({row.config_sha256 for row in rows}) > 1:
            problems.append(f"The runs of {label} are of different settings of {rows[0].config}.")
    if problems:
        return tuple(problems)
    seeds = {label: sorted(_seed(row) for row in rows) for label, rows in found.items()}
    for label, of_label in seeds.items():
        twice = sorted({seed for seed in of_label if of_label.count(seed) > 1})
        if twice:
            problems.append(f"{label} has more than one run of seed {', '.join(map(str, twice))}.")
    if len({tuple(sorted(set(of_label))) for of_label in seeds.values()}) > 1:
        words = "; ".join(f"{label} {', '.join(map(str, of_label))}" for label, of_label in seeds.items())
        problems.append(f"The seeds differ: {words}. Differences are paired by seed, so train the rest.")
    return tuple(problems)


def _seed(row):
    return -1 if row.seed is None else row.seed


def _count(runs, name, value):
    number = sum(getattr(row, name) == value for row in runs)
    return f"{number} run{'' if number == 1 else 's'}"


def _commits(runs, code):
    commits = sorted({row.commit[:12] for row in runs if row.code == code})
    return f"{_count(runs, 'code', code)}, commit {', '.join(commits) or 'unknown'}"


def _by_seed(claim, rows):
    return {
        _seed(row): item_values(claim, row)
        for row in sorted(rows, key=lambda row: (_seed(row), row.target or ""))
    }


def _common_items(by_seed):
    """Items that every run has, and those that some lack."""
    runs = [values for seeds in by_seed.values() for values in seeds.values()]
    everything = sorted({item for values in runs for item in values})
    items = [item for item in everything if all(item in values for values in runs)]
    return items, [item for item in everything if item not in items]


def _matrix(seeds, items):
    return np.array([[values[item] for item in items] for _, values in sorted(seeds.items())])


def _mean(seeds, items):
    return float(_matrix(seeds, items).mean())
