"""The page of a made-up ledger: the same bytes each time, nothing fetched, all that is known on it."""

import dataclasses

from keras_d3.claims import claims_page, claims_text, evaluate_claim
from keras_d3.claims.forest import forest_svg
from tests.claims.made_up import NAMED, rows


def results(seeds=range(5), **changes):
    return evaluate_claim(NAMED, rows(seeds, **changes), "small")


def test_the_same_ledger_gives_the_same_page():
    page = claims_page(results(), rows())
    assert page == claims_page(results(), rows())
    for text in (
        "good &gt; middling",
        "holds",
        "undecided",
        "Do nothing",
        "abcdefabcdef",
        "seed 4",
        "table 1",
    ):
        assert text in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('class="hollow"') == 2 and page.count('class="span"') == 2


def test_text_says_effects_verdicts_and_what_was_not_compared():
    text = claims_text(results())
    assert "good > middling" in text and "holds" in text and "+0.50" in text
    broken = [run for run in rows() if (run.config, run.seed) != ("bad", 1)]
    text = claims_text(evaluate_claim(NAMED, broken, "small"))
    assert "made_up/order, middling > bad: The seeds differ: middling 0, 1, 2, 3, 4; bad 0, 2, 3, 4." in text


def test_one_seed_and_no_runs_are_drawn_without_intervals():
    svg = forest_svg("dB", results([0]))
    assert svg.count('class="dot"') == 2 and 'class="span"' not in svg and "1 seed" in svg
    empty = evaluate_claim(NAMED, [], "small")
    svg = forest_svg("dB", empty)
    assert svg.count(">no runs</text>") == 2 and 'class="dot"' not in svg
    assert "no runs" in claims_page(empty, [])
    assert "1 seed: no interval" in claims_text(results([0]))


def test_names_are_escaped():
    claim = dataclasses.replace(NAMED.claim, statement="<b>bold</b>")
    named = dataclasses.replace(NAMED, claim=claim, citation="A & B")
    page = claims_page(evaluate_claim(named, rows(), "small"), rows())
    assert "<b>bold" not in page and "&lt;b&gt;bold" in page and "A &amp; B" in page
