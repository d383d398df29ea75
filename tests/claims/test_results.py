"""What is compared, and what is said instead of being averaged away."""

import dataclasses

import numpy as np
import pytest

from keras_d3.claims import NamedClaim, evaluate_claim, named_claims, selected_claims
from keras_d3.settings import Claim, ClaimSide
from tests.claims.made_up import CLAIM, NAMED, SONGS, row, rows


def evaluate(runs, claim=CLAIM, scale="small", **options):
    return evaluate_claim(NamedClaim("made_up", "Nobody, 2026", claim), runs, scale, **options)


def test_an_effect_that_was_put_in_is_found():
    first, second = evaluate(rows())
    assert first.verdict == "holds" and first.effect.low < 1.0 < first.effect.high
    assert first.published == pytest.approx(0.5)
    assert (first.effect.num_seeds, first.effect.num_items) == (5, len(SONGS))
    assert first.means["good"] - first.means["middling"] == pytest.approx(first.effect.mean)
    assert first.seeds_needed is None and first.problems == ()
    assert second.verdict == "undecided" and abs(second.effect.mean) < 0.2


def test_a_reversed_claim_is_said():
    turned = dataclasses.replace(CLAIM, sides=CLAIM.sides[1::-1])
    assert [result.verdict for result in evaluate(rows(), turned)] == ["reversed"]


def test_what_the_comparison_of_unpaired_runs_would_lose():
    """The noise that runs of one seed share is gone from the differences."""
    runs = rows(range(6))
    (effect, _) = (result.effect for result in evaluate(runs))
    levels = [
        np.mean([song["drums"] for song in run.scores.values()]) for run in runs if run.config == "good"
    ]
    assert np.sqrt(effect.seed_variance + effect.residual_variance / len(SONGS)) < 0.3 * np.std(
        levels, ddof=1
    )


def test_a_claim_without_runs():
    first, second = evaluate([run for run in rows() if run.config != "good"])
    assert (first.verdict, first.effect) == ("no runs", None)
    assert first.problems == ("No run of good (good).",)
    assert second.verdict == "undecided"
    assert evaluate(rows(), scale="paper")[0].problems[0] == "No run of good_paper (good)."


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"seed": 9}, "The seeds differ: good 0, 1, 2, 3, 9; middling 0, 1, 2, 3, 4."),
        ({"corpus": "d" * 64}, "The runs are of 2 corpora: cccccccccccc (9 runs), dddddddddddd (1 run)."),
        (
            {"code": "ba9876543210"},
            "The runs are of different code: 0123456789ab (9 runs, commit abcdefabcdef)",
        ),
        ({"config_sha256": "other"}, "The runs of good are of different settings of good."),
        ({"seed": 3}, "good has more than one run of seed 3."),
    ],
)
def test_runs_that_must_not_be_compared(changed, message):
    runs = rows()
    place = next(i for i, run in enumerate(runs) if (run.config, run.seed) == ("good", 4))
    runs[place] = dataclasses.replace(runs[place], **changed)
    result = evaluate(runs)[0]
    assert (result.verdict, result.effect) == ("not comparable", None)
    assert any(message in problem for problem in result.problems), result.problems


def test_runs_of_different_code_are_compared_when_asked():
    runs = [dataclasses.replace(run, code=run.config) for run in rows()]
    assert evaluate(runs)[0].verdict == "not comparable"
    assert evaluate(runs, any_commit=True)[0].verdict == "holds"


def test_songs_that_one_run_has_no_score_of_are_left_out_everywhere_and_named():
    runs = rows()
    scores = {**runs[0].scores, SONGS[2]: {}}
    runs[0] = dataclasses.replace(runs[0], scores=scores)
    result = evaluate(runs)[0]
    assert result.effect.num_items == len(SONGS) - 1
    assert result.problems == (f"Left out, not scored in every run: {SONGS[2]}.",)


def test_one_seed():
    result = evaluate(rows([0]))[0]
    assert (result.verdict, result.effect.low, result.seeds_needed) == ("undecided", None, None)


def test_a_network_of_all_sources_is_scored_on_one_or_on_their_mean():
    scores = {song: {"drums": 2.0, "bass": 4.0} for song in SONGS}
    runs = [
        row(config, seed, target=None, scores={song: {"drums": 2.0 + extra, "bass": 4.0} for song in scores})
        for seed in range(3)
        for config, extra in (("good", 1.0), ("middling", 0.0))
    ]
    pair = dataclasses.replace(CLAIM, sides=CLAIM.sides[:2])
    assert evaluate(runs, pair)[0].effect.mean == pytest.approx(1.0)
    assert evaluate(runs, dataclasses.replace(pair, target=None))[0].effect.mean == pytest.approx(0.5)


def test_an_interaction_is_the_difference_of_differences():
    labels = ("dense 3", "plain 3", "dense 1", "plain 1")
    sides = tuple(ClaimSide(label, "", label) for label in labels)
    claim = dataclasses.replace(CLAIM, sides=sides, kind="interaction")
    levels = dict(zip(labels, (5.0, 3.0, 2.5, 2.0), strict=True))
    runs = [row(label, seed, level) for seed in range(4) for label, level in levels.items()]
    (result,) = evaluate(runs, claim)
    assert result.contrast.label == "(dense 3 - plain 3) > (dense 1 - plain 1)"
    assert result.effect.mean == pytest.approx(1.5, abs=0.2)


def test_a_bound_on_a_measurement_of_every_run():
    claim = Claim(
        "norms",
        "Norms are alike.",
        "figure 5",
        "filter norm ratio",
        (ClaimSide("a", "", "a"),),
        kind="bound",
        limit=1.0,
    )
    runs = [
        row("a", seed, target=None, measurements={"filter norm ratio": 0.4 + 0.1 * seed}) for seed in range(3)
    ]
    (result,) = evaluate(runs, claim)
    assert result.verdict == "holds" and result.effect.mean == pytest.approx(0.5)
    without = [dataclasses.replace(run, measurements={}) for run in runs]
    assert evaluate(without, claim)[0].verdict == "no runs"


@pytest.mark.parametrize("value, verdict", [(9.69, "holds"), (9.74, "holds"), (9.76, "does not hold")])
def test_a_number_is_compared_as_far_as_it_is_printed(value, verdict):
    claim = Claim(
        "size",
        "As printed.",
        "table 1",
        "parameters",
        (ClaimSide("S", "s", "s", 9.7),),
        kind="number",
        margin=0.05,
    )
    run = dataclasses.replace(row("s", 0, target=None), seed=None, measurements={"parameters": value})
    (result,) = evaluate([run], claim)
    assert (result.verdict, result.effect.low) == (verdict, None)


def test_claims_are_chosen_by_name_or_recipe():
    from recipes.all_recipes import RECIPES

    claims = named_claims(RECIPES)
    assert len({claim.name for claim in claims}) == len(claims) > 20
    assert [claim.name for claim in selected_claims(claims, ["d3net_mss/dilation_drums"])] == [
        "d3net_mss/dilation_drums"
    ]
    assert {claim.recipe for claim in selected_claims(claims, ["wave_u_net"])} == {"wave_u_net"}
    assert selected_claims(claims, []) == selected_claims(claims, ["all"]) == claims
    with pytest.raises(ValueError, match="`NAME` must be one of .*Did you mean 'd3net_mss/dilation_drums'"):
        selected_claims(claims, ["d3net_mss/dilation_drum"])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sides": CLAIM.sides[:1]}, "`sides` of the claim 'order' must be 2 or more"),
        ({"sides": CLAIM.sides * 2}, "of different labels"),
        ({"kind": "interaction"}, "an interaction has four"),
        ({"limit": 1.0}, "`limit` must be given for a bound, and for nothing else"),
        ({"kind": "bound"}, "`limit` must be given for a bound"),
        ({"metric": "PESQ"}, "`metric` must be one of"),
        ({"kind": "guess"}, "`kind` must be one of"),
    ],
)
def test_claims_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CLAIM, **arguments)


def test_every_claim_has_small_configs_and_the_papers_numbers_are_those_of_its_tables():
    from recipes.all_recipes import RECIPES

    for named in named_claims(RECIPES):
        assert all(named.claim.configs("small")), named.name
    by_name = {named.name: named.claim for named in named_claims(RECIPES)}
    published = [side.published for side in by_name["d3net_mss/dilation_drums"].sides]
    assert published == [7.01, 6.61, 6.37]
    assert [side.published for side in by_name["d3net_segmentation/dilation"].sides] == [65.1, 62.3, 57.9]
    assert NAMED.name == "made_up/order"
