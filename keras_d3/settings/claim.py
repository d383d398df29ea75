"""A claim of a paper as data: which config should score better than which, by what, and where that stands."""

import dataclasses
from collections.abc import Mapping

from keras_d3.utils import check_choice

SCALES = ("small", "paper")
# What a claim is about: its unit, and whether the value is measured per song or image, per run, or without
# any training.
CLAIM_UNITS = {
    "SDR": "dB",
    "mean IoU": "points",
    "energy off the lattice": "%",
    "filter norm ratio": "doublings",
    "parameters": "millions",
    "initial difference": "shares of the largest logit",
}
UNTRAINED = ("parameters", "initial difference")
PER_RUN = ("energy off the lattice", "filter norm ratio")
KINDS = ("ordering", "interaction", "bound", "number")


@dataclasses.dataclass(frozen=True)
class ClaimSide:
    """One of the networks that a claim compares.

    Args:
        label: str, its name in tables.
        paper: str, the config at the paper's size; "" where there is none.
        small: str, the config at the small size; "" where there is none.
        published: float, the number that the paper prints, in the unit of the claim's metric; None for none.
    """

    label: str
    paper: str = ""
    small: str = ""
    published: float | None = None

    def config(self, scale: str) -> str:
        """Returns the name of the config at a scale, "small" or "paper"; "" where there is none."""
        return self.small if check_choice("scale", scale, SCALES) == "small" else self.paper


@dataclasses.dataclass(frozen=True)
class Contrast:
    """One comparison of a claim: a sum of scores with signs, which should be more than `-margin`.

    Args:
        label: str, such as "multidilated > standard".
        weights: dict of label of a side to its factor.
        margin: float; the contrast holds where it is above `-margin`.
        offset: float, added to the sum.
    """

    label: str
    weights: Mapping[str, float]
    margin: float = 0.0
    offset: float = 0.0


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim of a paper that runs can test.

    Args:
        name: str, name within its recipe.
        statement: str, the claim as a sentence.
        place: str, where it stands in the paper.
        metric: str, key of `CLAIM_UNITS`.
        sides: tuple of `ClaimSide`. "ordering": from the best to the worst, each is compared with the next.
            "interaction": four; the first minus the second is compared with the third minus the fourth.
            "bound": each alone, its value must be at most `limit`. "number": each alone, its value must be
            the published one, within `margin`.
        kind: str, see `sides`.
        margin: float, in the unit of the metric. An ordering with a margin says "not worse": it holds where
            the difference is above `-margin`. A negative margin asks for at least that much.
        limit: float, of a bound, stated before anything was measured.
        target: str, the source that is separated and scored; None for the mean over all sources.
        notes: tuple of str, what a reader must know.

    Raises:
        ValueError: metric or kind are unknown, or sides are too few or of one name.

    Example:

    >>> from keras_d3.settings import Claim, ClaimSide
    >>> claim = Claim(
    ...     "dilation", "Multidilated beats standard.", "table 4", "SDR",
    ...     (ClaimSide("multidilated", published=6.01), ClaimSide("standard", published=5.86)),
    ... )
    >>> [contrast.label for contrast in claim.contrasts]
    ['multidilated > standard']
    """

    name: str
    statement: str
    place: str
    metric: str
    sides: tuple[ClaimSide, ...]
    kind: str = "ordering"
    margin: float = 0.0
    limit: float | None = None
    target: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        check_choice("metric", self.metric, CLAIM_UNITS)
        check_choice("kind", self.kind, KINDS)
        labels = [side.label for side in self.sides]
        least = {"ordering": 2, "interaction": 4}.get(self.kind, 1)
        wrong_number = len(labels) != 4 if self.kind == "interaction" else len(labels) < least
        if wrong_number or len(set(labels)) < len(labels):
            raise ValueError(
                f"`sides` of the claim {self.name!r} must be {least} or more networks of different labels "
                f"(an interaction has four). Received: {', '.join(labels)}."
            )
        if (self.limit is None) == (self.kind == "bound"):
            raise ValueError(
                f"`limit` must be given for a bound, and for nothing else. Received: limit={self.limit!r} in "
                f"the claim {self.name!r} of kind {self.kind!r}."
            )

    @property
    def unit(self) -> str:
        """The unit of effects."""
        return CLAIM_UNITS[self.metric]

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The comparisons that the claim consists of."""
        labels = [side.label for side in self.sides]
        if self.kind == "interaction":
            first, second, third, fourth = labels
            label = f"({first} - {second}) > ({third} - {fourth})"
            return (Contrast(label, dict(zip(labels, (1.0, -1.0, -1.0, 1.0), strict=True)), self.margin),)
        if self.kind == "bound":
            limit = self.limit or 0.0
            return tuple(Contrast(f"{label} <= {limit:g}", {label: -1.0}, offset=limit) for label in labels)
        if self.kind == "number":
            return tuple(
                Contrast(
                    f"{side.label} = {side.published:g}", {side.label: 1.0}, self.margin, -side.published
                )
                for side in self.sides
                if side.published is not None
            )
        sign = ">=" if self.margin > 0 else ">"
        return tuple(
            Contrast(f"{better} {sign} {worse}", {better: 1.0, worse: -1.0}, self.margin)
            for better, worse in zip(labels, labels[1:], strict=False)
        )

    def published_effect(self, contrast: Contrast) -> float | None:
        """Returns what the paper's numbers give for a contrast; None where one is not printed."""
        published = {side.label: side.published for side in self.sides}
        numbers = [(published[label], weight) for label, weight in contrast.weights.items()]
        if self.kind in ("bound", "number") or any(number is None for number, _ in numbers):
            return None
        return contrast.offset + sum(number * weight for number, weight in numbers if number is not None)

    def side(self, label: str) -> ClaimSide:
        """Returns the side of that label."""
        return next(side for side in self.sides if side.label == label)

    def configs(self, scale: str) -> tuple[str, ...]:
        """Returns the names of the configs at a scale, "" where there is none."""
        return tuple(side.config(scale) for side in self.sides)
