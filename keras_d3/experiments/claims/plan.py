"""Which runs claims need, on which records, and which of them the ledger has already."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_d3.claims import LedgerRow, NamedClaim, config_sha256
from keras_d3.experiments.compared_runs import ComparedRun
from keras_d3.experiments.records_choice import choose_records
from keras_d3.settings import PER_RUN, UNTRAINED, Recipe, RunConfig
from keras_d3.utils import code_version


@dataclasses.dataclass(frozen=True)
class ClaimRun:
    """A run that claims need.

    Args:
        claims: tuple of str, names of the claims.
        recipe: `Recipe`.
        config: `RunConfig`, with its seeds and target.
        scale: str, "small" or "paper".
        seed: int.
        measurements: tuple of str, metrics of claims that are measured on the trained network.
        manifest: manifest of the records; None until they are chosen.
    """

    claims: tuple[str, ...]
    recipe: Recipe
    config: RunConfig
    scale: str
    seed: int
    measurements: tuple[str, ...] = ()
    manifest: Any = None

    @property
    def title(self) -> str:
        """Such as "d3net_mss/small, drums, seed 0"."""
        target = f", {self.config.target}" if self.config.target else ""
        return f"{self.recipe.name}/{self.config.name}{target}, seed {self.seed}"

    @property
    def corpus(self) -> str:
        """Checksum of the records."""
        return corpus_sha256(self.manifest)

    def directory(self, out_dir: str | Path) -> Path:
        """Returns the run directory; runs on other records or of other code have another one."""
        made_of = f"{self.corpus[:8]}_{code_version()[:8]}_{config_sha256(self.config)[:8]}"
        name = self.config.name + (f"_{self.config.target}" if self.config.target else "")
        return Path(out_dir) / "runs" / made_of / self.recipe.name / name / f"seed_{self.seed}"

    @property
    def row(self) -> LedgerRow:
        """The row of the ledger, as far as it is known before the run."""
        return LedgerRow(
            claims=self.claims,
            recipe=self.recipe.name,
            config=self.config.name,
            scale=self.scale,
            target=self.config.target,
            seed=self.seed,
            corpus=self.corpus,
            data_set=self.manifest.dataset,
            variant=self.manifest.variant,
            code=code_version(),
            config_sha256=config_sha256(self.config),
            precision=self.config.training.precision,
        )


def corpus_sha256(manifest: Any) -> str:
    """Returns one checksum for all records of a manifest: that of its shards' checksums, and its splits."""
    shards = sorted([shard.split, shard.file, shard.sha256] for shard in manifest.shards)
    return hashlib.sha256(json.dumps(shards).encode("utf-8")).hexdigest()


def runs_of_claims(
    claims: Sequence[NamedClaim],
    recipes: Mapping[str, Recipe],
    scale: str,
    seeds: Sequence[int],
    overrides: Sequence[str] = (),
) -> list[ClaimRun]:
    """Returns the runs that claims need, seed by seed, so that early seeds are complete first.

    The seed is that of weights and data, so all networks of a seed see the same excerpts in the same order
    where their data settings are the same.

    Args:
        claims: sequence of `NamedClaim`.
        recipes: dict of name to `Recipe`.
        scale: str, "small" or "paper".
        seeds: sequence of int.
        overrides: strings "key=value" that change every config.

    Raises:
        ValueError: seeds stand there twice, a claim has no config at the scale, or an override does not fit.
    """
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be different. Received: {', '.join(map(str, seeds))}.")
    trained = [named for named in claims if named.claim.metric not in UNTRAINED]
    for named in trained:
        missing = [side.label for side in named.claim.sides if not side.config(scale)]
        if missing:
            raise ValueError(
                f"`scale` must be one at which the claim {named.name} has configs. Received: {scale!r}, at "
                f"which there is none for {', '.join(missing)}."
            )
    runs: dict[tuple, ClaimRun] = {}
    for seed in seeds:
        for named in trained:
            for side in named.claim.sides:
                run = _run(named, recipes[named.recipe], side.config(scale), scale, seed, overrides)
                key = (named.recipe, run.config.name, run.config.target, seed)
                runs[key] = _merged(runs[key], run) if key in runs else run
    return list(runs.values())


def _run(named, recipe, name, scale, seed, overrides):
    claim = named.claim
    changes = [*overrides, f"training.seed={seed}", f"data.seed={seed}"]
    target = claim.target if recipe.entry(name).config.is_spectrogram else None
    config = recipe.config(name, changes, target=target)
    # Of all claims of the recipe, so that no run has to be opened again for another one.
    measurements = tuple(
        sorted(
            {
                other.metric
                for other in recipe.claims
                if other.metric in PER_RUN and other.target == claim.target and name in other.configs(scale)
            }
        )
    )
    return ClaimRun((named.name,), recipe, config, scale, seed, measurements)


def _merged(first, second):
    measurements = tuple(dict.fromkeys((*first.measurements, *second.measurements)))
    return dataclasses.replace(first, claims=(*first.claims, *second.claims), measurements=measurements)


def with_records(runs: Sequence[ClaimRun], manifests: Sequence[Any]) -> list[ClaimRun]:
    """Returns the runs with their records, and checks all that can be known before the first step.

    Raises:
        ValueError: see `choose_records`.
    """
    chosen = []
    for kind in dict.fromkeys(run.config.data.kind for run in runs):
        group = [run for run in runs if run.config.data.kind == kind]
        compared = [ComparedRun(run.recipe, run.config, Path(), run.title, run.config.name) for run in group]
        records = choose_records(compared, manifests)
        chosen += [dataclasses.replace(run, manifest=records[run.title]) for run in group]
    # In the order in which they were asked for.
    by_title = {run.title: run for run in chosen}
    return [by_title[run.title] for run in runs]


def missing_runs(
    runs: Sequence[ClaimRun], rows: Sequence[LedgerRow], any_commit: bool = False
) -> list[ClaimRun]:
    """Returns the runs that the ledger does not hold.

    Args:
        runs: sequence of `ClaimRun` with records.
        rows: sequence of `LedgerRow`.
        any_commit: bool, whether runs of other code count, too.
    """

    def key(row):
        return row.key_without_code if any_commit else row.key

    done = {key(row) for row in rows}
    return [run for run in runs if key(run.row) not in done]
