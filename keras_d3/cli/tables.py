"""`python -m recipes.tables`: lists the tables of the papers, and prints any of them."""

import argparse
import csv
import datetime
import io
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_d3.settings import PublishedTable, Recipe, find_by_name
from keras_d3.utils import atomic_path, current_commit, run_reporting_errors

PROGRAM = "python -m recipes.tables"
FORMATS = ("text", "markdown", "csv", "html")


def tables_command(recipes: Sequence[Recipe], arguments: list[str] | None = None) -> int:
    """Lists or prints tables of `recipes`; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = tables_parser().parse_args(given)
    return run_reporting_errors(_tables, recipes, options, f"{PROGRAM} {shlex.join(given)}")


def tables_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Without a name: list every table of the papers. With names: print these, as published, "
        "with the authors' weights and runs beside them.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="TABLE", help="such as d3net_mss/4; all: every table there is"
    )
    parser.add_argument(
        "--runs",
        nargs="+",
        default=[],
        metavar="DIR",
        help="scored run directories, shown beside the rows that their configs stand for",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--out", metavar="FILE", help="where it goes (default: printed)")
    return parser


def _tables(recipes: Sequence[Recipe], options: argparse.Namespace, command: str) -> None:
    known = {f"{recipe.name}/{table.name}": (recipe, table) for recipe in recipes for table in recipe.tables}
    if not options.names:
        if options.runs:
            raise ValueError(f"`--runs` needs the table they belong to: one of {', '.join(known)}.")
        print(_listing(known))
        return
    names = list(known) if options.names == ["all"] else list(dict.fromkeys(options.names))
    chosen = {name: known[find_by_name(name, known, "TABLE")] for name in names}
    runs = _runs_of(chosen, options.runs)
    text = _render(chosen, runs, options.format, command)
    if not options.out:
        print(text)
        return
    with atomic_path(Path(options.out)) as temporary:
        temporary.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    print(f"Tables: {options.out}")


def _listing(known: dict[str, tuple[Recipe, PublishedTable]]) -> str:
    width = max(len(name) for name in known)
    lines = [
        f"{name:{width}}  {len(table.rows):2} rows, {len(table.configs):2} configs  {table.title}"
        for name, (_, table) in known.items()
    ]
    return "\n".join([*lines, "", f"Print one with `{PROGRAM} {next(iter(known))}`."])


def _runs_of(chosen, directories):
    """The scores of the runs by table, as `_tables_of` has it; each belongs to a recipe that is asked for."""
    from keras_d3.runs import Run, read_run_scores

    recipe_of = {directory: Run(directory).config.recipe for directory in directories}
    wanted = dict.fromkeys(recipe.name for recipe, _ in chosen.values())
    foreign = [f"{path} ({recipe})" for path, recipe in recipe_of.items() if recipe not in wanted]
    if foreign:
        raise ValueError(
            f"`--runs` must be of the recipe whose table is asked for: {', '.join(wanted)}. "
            f"Received: {', '.join(foreign)}."
        )
    found = {name: [] for name in chosen}
    for directory in directories:
        tables = _tables_of(Run(directory).config.name, recipe_of[directory], chosen)
        if not tables:
            print(
                f"not shown: `{directory}`, whose config none of these tables has. Asked for alone, a table "
                "shows every run of its recipe.",
                file=sys.stderr,
            )
        for name in tables:
            found[name] += read_run_scores(directory, chosen[name][1].split)
    return found


def _tables_of(config, recipe_name, chosen):
    """The tables that a run of a config stands in: all of its recipe's that have the config or, for small
    networks, the one that it stands for. A recipe's only table takes every run of the recipe."""
    own = {name: pair for name, pair in chosen.items() if pair[0].name == recipe_name}
    if len(own) == 1:
        return list(own)
    recipe = next(iter(own.values()))[0]
    full_size = next(
        (entry.full_size for entry in recipe.entries if entry.config.name == config and entry.full_size), None
    )
    return [name for name, (_, table) in own.items() if {config, full_size} & set(table.configs)]


def _render(chosen, runs, file_format, command):
    from keras_d3.paper_tables import published_tables, table_as_rows, tables_page
    from keras_d3.report import table_as_markdown, table_as_text

    if file_format == "csv":
        rows = [
            row
            for name, (recipe, table) in chosen.items()
            for row in table_as_rows(recipe, table, runs[name])
        ]
        file = io.StringIO()
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue().rstrip("\n")
    tables = {name: published_tables(recipe, table, runs[name]) for name, (recipe, table) in chosen.items()}
    if file_format == "html":
        facts = {"Date": datetime.date.today().isoformat(), "Commit": current_commit(), "Command": command}
        return tables_page(tables, facts)
    render = table_as_text if file_format == "text" else table_as_markdown
    return "\n\n".join(render(table) for group in tables.values() for table in group)
