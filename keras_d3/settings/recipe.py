"""A recipe as data: a paper's configs and its published scores."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras_d3.settings.changes import parse_changes
from keras_d3.settings.claim import SCALES, Claim
from keras_d3.settings.published import PublishedTable, find_by_name
from keras_d3.settings.run import RunConfig


@dataclasses.dataclass(frozen=True)
class RecipeEntry:
    """One config of a recipe, with what reports say of it.

    Args:
        config: `RunConfig`.
        display_name: str, its name in reports.
        published: tuple of `PublishedScores` or `PublishedMeanIoU`, of the paper or
            of the official weights.
        full_size: str, for a small sibling the name of the full-size config. Reports show the published
            scores of the latter, named as such.
    """

    config: RunConfig
    display_name: str
    published: tuple = ()
    full_size: str | None = None


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The configs of one paper, a folder of `recipes/`.

    Args:
        name: str, name of the folder.
        title: str, one line for help texts and reports.
        citation: str, the paper.
        entries: tuple of `RecipeEntry`.
        comparisons: dict of set name to names of configs that `python -m recipes.compare` puts side by side
            ("tiny" for the demo, "paper" for the papers' own sizes).
        tables: tuple of `PublishedTable`, the paper's tables.
        claims: tuple of `Claim`, what the paper claims and `python -m recipes.claims` tests.

    Raises:
        ValueError: two configs have one name, a config is of another recipe, or a name is unknown.
    """

    name: str
    title: str
    citation: str
    entries: tuple[RecipeEntry, ...]
    comparisons: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    tables: tuple[PublishedTable, ...] = ()
    claims: tuple[Claim, ...] = ()

    def __post_init__(self):
        names = [entry.config.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        foreign = [entry.config.name for entry in self.entries if entry.config.recipe != self.name]
        if twice or foreign:
            raise ValueError(
                f"`entries` must be different configs of the recipe {self.name!r}. Received: "
                f"{', '.join(twice or foreign)} {'twice' if twice else 'of another recipe'}."
            )
        used = {name for group in self.comparisons.values() for name in group}
        used |= {entry.full_size for entry in self.entries if entry.full_size}
        used |= {name for table in self.tables for name in table.configs}
        claimed = (name for claim in self.claims for scale in SCALES for name in claim.configs(scale))
        used |= {name for name in claimed if name}
        if not used <= set(names):
            raise ValueError(
                "`comparisons`, `full_size`, `tables` and `claims` must name configs of the recipe. "
                f"Received: {', '.join(sorted(used - set(names)))}."
            )

    @property
    def configs(self) -> dict[str, RunConfig]:
        """The configs by name."""
        return {entry.config.name: entry.config for entry in self.entries}

    def entry(self, name: str) -> RecipeEntry:
        """Returns the entry of a config.

        Raises:
            ValueError: the recipe has no such config.
        """
        find_by_name(name, self.configs, "config", f"recipe {self.name}")
        return next(entry for entry in self.entries if entry.config.name == name)

    def table(self, name: str) -> PublishedTable:
        """Returns the table of that number.

        Raises:
            ValueError: there is none.
        """
        find_by_name(name, [table.name for table in self.tables], "table", f"recipe {self.name}")
        return next(table for table in self.tables if table.name == name)

    def published_for(self, name: str) -> tuple:
        """Returns the published scores of a config, or those of its full-size sibling."""
        entry = self.entry(name)
        if entry.full_size is None:
            return entry.published
        return tuple(
            dataclasses.replace(scores, data_set=f"{scores.data_set}, full-size network")
            for scores in self.entry(entry.full_size).published
        )

    def config(
        self,
        name: str,
        overrides: Sequence[str] = (),
        sources: Sequence[str] | None = None,
        target: str | None = None,
    ) -> RunConfig:
        """Returns a config, with overrides.

        Args:
            name: str, name of a config.
            overrides: strings "key.subkey=value", value as JSON or a plain string.
            sources: names of sources other than the config's own.
            target: str, source for a spectrogram network, or "all".

        Returns:
            `RunConfig`.

        Raises:
            ValueError: an unknown config, key or target; a value of another type than its setting, out of
                range, or one that does not fit the other settings.
        """
        config = self.entry(name).config
        if sources:
            if config.data.kind != "audio":
                raise ValueError(
                    f"`sources` are for networks on audio. Received: sources={sources!r} for {name!r}, which "
                    "is trained on images. Leave them out."
                )
            config = config.with_sources(sources)
        if target is not None:
            if not config.is_spectrogram:
                raise ValueError(
                    "`target` is for spectrogram networks, one per source; this network estimates all "
                    f"sources at once. Received: target={target!r}. Leave it out."
                )
            config = config.for_target(target)
        return config.changed(parse_changes(overrides))


def variant(base: RunConfig, name: str, changes: Mapping[str, Any]) -> RunConfig:
    """Returns a config of another name that differs from `base` in `changes`; see `RunConfig.changed`."""
    return base.changed({"name": name, **changes})
