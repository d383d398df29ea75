"""Which claims there are, and which of them a command means."""

from collections.abc import Sequence

from keras_d3.claims.results import NamedClaim
from keras_d3.report import Cell, Table
from keras_d3.settings import Recipe, find_by_name

ALL = "all"


def named_claims(recipes: Sequence[Recipe]) -> list[NamedClaim]:
    """Returns every claim of the recipes."""
    return [NamedClaim(recipe.name, recipe.citation, claim) for recipe in recipes for claim in recipe.claims]


def selected_claims(claims: Sequence[NamedClaim], names: Sequence[str]) -> list[NamedClaim]:
    """Returns the claims of these names, in their order; "all" or no name stand for all of them.

    Args:
        claims: sequence of `NamedClaim`.
        names: names such as "d3net_mss/dilation_drums", or of a recipe for all claims of it.

    Raises:
        ValueError: an unknown name; the message names close ones.
    """
    if not names or ALL in names:
        return list(claims)
    known = [claim.name for claim in claims]
    recipes = list(dict.fromkeys(claim.recipe for claim in claims))
    chosen = [find_by_name(name, (*known, *recipes), "NAME") for name in names]
    return [claim for claim in claims if claim.name in chosen or claim.recipe in chosen]


def claims_table(claims: Sequence[NamedClaim]) -> Table:
    """Returns the list of claims: what they say, where, published numbers and configs at both scales."""
    rows = []
    for named in claims:
        claim = named.claim
        published = (side.published for side in claim.sides)
        rows.append(
            (
                Cell(named.name),
                Cell(claim.statement, detail=f"{named.citation}, {claim.place}"),
                Cell(f"{claim.metric}{f' of {claim.target}' if claim.target else ''}", detail=claim.unit),
                Cell(", ".join(contrast.label for contrast in claim.contrasts)),
                Cell(", ".join("-" if number is None else f"{number:g}" for number in published)),
                Cell(_configs(claim, "paper")),
                Cell(_configs(claim, "small")),
            )
        )
    return Table(
        "Claims of the papers",
        ("claim", "what it says", "metric", "comparisons", "published", "configs, paper", "configs, small"),
        tuple(rows),
        text_columns=tuple(range(7)),
    )


def claims_as_text(claims: Sequence[NamedClaim]) -> str:
    """Returns the list of claims as text, a paragraph each."""
    paragraphs = []
    for named in claims:
        claim = named.claim
        sides = ", ".join(
            f"{side.label}{'' if side.published is None else f' {side.published:g}'}" for side in claim.sides
        )
        lines = [
            named.name,
            f"  {claim.statement}",
            f"  {named.citation}, {claim.place}",
            f"  {claim.metric}{f' of {claim.target}' if claim.target else ''} ({claim.unit}): "
            f"{'; '.join(contrast.label for contrast in claim.contrasts)}",
            f"  published: {sides}",
            f"  paper: {_configs(claim, 'paper')}",
            f"  small: {_configs(claim, 'small')}",
            *(f"  note: {note}" for note in claim.notes),
        ]
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def _configs(claim, scale):
    return ", ".join(name or "-" for name in claim.configs(scale))
