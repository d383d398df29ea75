"""`python -m recipes.claims`: lists the papers' claims, tests them, and shows what a ledger says of them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_d3.cli.compare import EVERY_CONFIG, weights_of
from keras_d3.cli.options import comma_separated_ints
from keras_d3.settings import SCALES, UNTRAINED, Recipe
from keras_d3.utils import (
    atomic_path,
    check_positive_int,
    prefer_onednn,
    run_reporting_errors,
    share_one_arena,
)

PROGRAM = "python -m recipes.claims"
LEDGER = Path("results") / "ledger.jsonl"


def claims_command(recipes: Sequence[Recipe], arguments: list[str] | None = None) -> int:
    """Lists or tests claims of `recipes`; returns the exit code."""
    options = claims_parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    return run_reporting_errors(_claims, recipes, options)


def claims_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Without --out: list the claims. With --data: train and score what is missing, then say "
        "what holds. With --from-ledger: make page and tables from finished runs again.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="claims, such as d3net_mss/dilation_drums, or all claims of a recipe (default: all)",
    )
    parser.add_argument("--scale", choices=SCALES, help=f"size of the networks (default: {SCALES[0]})")
    parser.add_argument(
        "--seeds",
        type=comma_separated_ints,
        metavar="A,B,...",
        help="seeds of weights and data, the same for all networks (default: 0)",
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="[RATE=]DIR",
        help="directory of records (python -m tfrecords_tools); may be repeated",
    )
    parser.add_argument("--out", metavar="DIR", help="directory for runs, page and tables")
    parser.add_argument("--ledger", metavar="FILE", help=f"where rows go (default: OUT/{LEDGER})")
    parser.add_argument("--from-ledger", metavar="FILE", help="train nothing: show what this ledger says")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="runs at a time, which share the cores (default 1)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of every config, e.g. training.stages.0.learning_rate=0.01; may be repeated",
    )
    parser.add_argument(
        "--initial-weights",
        action="append",
        default=[],
        metavar="[CONFIG=]FILE",
        help="weights that a config's training starts from, or those of all that start from other weights",
    )
    parser.add_argument("--corpus", metavar="DIGITS", help="only runs on records of this checksum's begin")
    parser.add_argument("--code", metavar="DIGITS", help="only runs of code of this checksum's begin")
    parser.add_argument(
        "--any-commit", action="store_true", help="compare runs of different code, too (default: refuse)"
    )
    parser.add_argument("--plan", action="store_true", help="print the runs that are missing; stop")
    return parser


def _claims(recipes: Sequence[Recipe], options: argparse.Namespace) -> int:
    from keras_d3.claims import claims_as_text, named_claims, selected_claims

    claims = selected_claims(named_claims(recipes), options.names)
    _check(options)
    if not (options.data or options.from_ledger):
        print(claims_as_text(claims))
        return 0
    if options.from_ledger:
        scales = (options.scale,) if options.scale else SCALES
        _show(claims, options, Path(options.from_ledger), scales)
        return 0
    failures = _train(recipes, claims, options)
    if not options.plan:
        _show(claims, options, _ledger(options), (options.scale or SCALES[0],))
    if failures:
        print("\n".join(["", "Failed:", *failures]), file=sys.stderr)
    return 1 if failures else 0


def _check(options):
    given = {"--data": options.data, "--seeds": options.seeds, "--set": options.set, "--plan": options.plan}
    given.update({"--ledger": options.ledger, "--initial-weights": options.initial_weights})
    useless = [name for name, value in given.items() if value]
    if options.from_ledger and useless:
        raise ValueError(f"`--from-ledger` trains nothing: leave out {', '.join(useless)}.")
    if not (options.data or options.from_ledger) and (options.out or useless or options.any_commit):
        raise ValueError(
            "`--data` or `--from-ledger` is required to test claims. Leave out all to list them."
        )
    if (options.data or options.from_ledger) and not options.out:
        raise ValueError("`--out` is required: the directory for runs, page and tables.")
    check_positive_int("workers", options.workers)


def _ledger(options):
    return Path(options.ledger) if options.ledger else Path(options.out) / LEDGER


def _train(recipes, claims, options):
    """Trains and scores what the ledger lacks; everything that can be known is checked before."""
    weights = dict(weights_of(text) for text in options.initial_weights)
    prefer_onednn()
    share_one_arena()

    from keras_d3.claims import append_row, read_ledger
    from keras_d3.experiments import (
        load_records,
        missing_runs,
        runs_of_claims,
        train_and_score,
        untrained_rows,
        with_records,
    )
    from keras_d3.runs import check_initial_weights

    by_name, scale = {recipe.name: recipe for recipe in recipes}, options.scale or SCALES[0]
    runs = runs_of_claims(claims, by_name, scale, options.seeds or [0], options.set)
    runs = with_records(runs, load_records(options.data))
    for run in runs:
        has_weights = run.config.name in weights or EVERY_CONFIG in weights
        check_initial_weights(run.config, run.directory(options.out), has_weights, False)
    ledger = _ledger(options)
    rows = read_ledger(ledger) if ledger.is_file() else []
    missing = missing_runs(runs, rows, options.any_commit)
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them in the ledger `{ledger}`", flush=True)
    if options.plan:
        print("\n".join(run.title for run in missing))
        return []
    for row in untrained_rows([claim for claim in claims if claim.claim.metric in UNTRAINED], by_name, scale):
        append_row(ledger, row)
    return train_and_score(missing, options.out, ledger, options.workers, weights) if missing else []


def _show(claims, options, ledger, scales):
    """Writes page and text of what the ledger says, and prints the text."""
    from keras_d3.claims import claims_page, claims_text, evaluate_claim, read_ledger

    rows = [
        row
        for row in read_ledger(ledger)
        if (row.corpus == "" or row.corpus.startswith(options.corpus or ""))
        and row.code.startswith(options.code or "")
        and row.scale in scales
    ]
    results = []
    for claim in claims:
        for scale in scales:
            found = evaluate_claim(claim, rows, scale, options.any_commit)
            # At the paper's size, claims without any run would fill the page.
            if scale == scales[0] or any(result.effect for result in found):
                results += found
    configs = {
        (result.named.recipe, side.config(result.scale))
        for result in results
        for side in result.named.claim.sides
    }
    rows = [row for row in rows if (row.recipe, row.config) in configs]
    rows.sort(key=lambda row: (row.recipe, row.config, row.target or "", row.scale, row.seed or 0))
    text = claims_text(results)
    for name, content in (("claims.html", claims_page(results, rows)), ("claims.txt", text + "\n")):
        with atomic_path(Path(options.out) / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    print(f"{text}\n\nPage: {Path(options.out) / 'claims.html'}")
