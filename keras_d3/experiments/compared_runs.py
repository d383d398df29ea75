"""Which runs a comparison puts side by side: those of a set of configs, or run directories that exist."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from keras_d3.runs import Run
from keras_d3.settings import Recipe, RunConfig, find_by_name
from keras_d3.utils import read_json, write_json

# Of a run in comparison.json: recipe, config, title, directory.
RUN_FACTS = 4


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """One network of a comparison.

    Args:
        recipe: `Recipe`.
        config: `RunConfig` of the run, with what was changed.
        directory: path of the run directory.
        title: str, its name in the report; unique in a comparison.
        group: str, the name that runs of other seeds share.
    """

    recipe: Recipe
    config: RunConfig
    directory: Path
    title: str
    group: str


def runs_of_set(
    recipes: Sequence[Recipe],
    config_set: str,
    out_dir: str | Path,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
) -> list[ComparedRun]:
    """Returns the runs of a set of configs, each in `OUT/runs/<recipe>/<config>/`.

    Args:
        recipes: sequence of `Recipe`.
        config_set: str, key of `Recipe.comparisons`, such as "tiny" or "paper". Recipes without it are left
            out.
        out_dir: path of the comparison.
        overrides: strings "key=value" that change every config.
        seeds: seeds of the trainings, each with a directory `seed_<n>` of its own; None for the configs' own.

    Returns:
        List of `ComparedRun`.

    Raises:
        ValueError: no recipe has such a set, a seed stands there twice, or an override does not fit a config.
    """
    chosen = [(recipe, name) for recipe in recipes for name in recipe.comparisons.get(config_set, ())]
    if not chosen:
        known = dict.fromkeys(name for recipe in recipes for name in recipe.comparisons)
        find_by_name(config_set, known, "config", "comparisons")
    if seeds is not None and len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be different. Received: {', '.join(map(str, seeds))}.")
    runs = []
    for recipe, name in chosen:
        group = recipe.entry(name).display_name
        folder = Path(out_dir) / "runs" / recipe.name / name
        if seeds is None:
            runs.append(ComparedRun(recipe, recipe.config(name, overrides), folder, group, group))
            continue
        for seed in seeds:
            config = recipe.config(name, [*overrides, f"training.seed={seed}"])
            runs.append(ComparedRun(recipe, config, folder / f"seed_{seed}", f"{group}, seed {seed}", group))
    return runs


def runs_of_directories(recipes: Sequence[Recipe], directories: Sequence[str | Path]) -> list[ComparedRun]:
    """Returns finished runs that exist.

    Args:
        recipes: sequence of all `Recipe`s.
        directories: paths of run directories.

    Returns:
        List of `ComparedRun`. Runs of one config are told apart by their seed, or where that is the
        same by their directory.

    Raises:
        FileNotFoundError: there is no run.
        ValueError: a run is not finished, of no recipe, or stands there twice.
    """
    paths = [Path(directory) for directory in directories]
    resolved = [path.resolve() for path in paths]
    twice = sorted(
        {str(path) for path, real in zip(paths, resolved, strict=True) if resolved.count(real) > 1}
    )
    if twice:
        raise ValueError(f"`runs` must be different directories. Received twice: {', '.join(twice)}.")
    by_name = {recipe.name: recipe for recipe in recipes}
    runs = []
    for path in paths:
        run = Run(path)
        run.finished_states()
        config = run.config
        recipe = by_name[find_by_name(config.recipe, by_name, "recipe", f"the run `{path}`")]
        group = recipe.entry(config.name).display_name
        runs.append(ComparedRun(recipe, config, path, group, group))
    return _with_own_titles(runs)


def _with_own_titles(runs):
    for tell_apart in (lambda run: f"seed {run.config.training.seed}", lambda run: str(run.directory)):
        titles = [run.title for run in runs]
        runs = [
            dataclasses.replace(run, title=f"{run.title}, {tell_apart(run)}")
            if titles.count(run.title) > 1
            else run
            for run in runs
        ]
    return runs


def claim_comparison(out_dir: Path, runs: Sequence[ComparedRun]) -> None:
    """Writes which runs the directory compares, or checks that it is these.

    Raises:
        ValueError: `out_dir` holds the report of other runs, or a damaged list.
    """
    path = out_dir / "comparison.json"
    mine = [[run.recipe.name, run.config.name, run.title, str(run.directory.resolve())] for run in runs]
    if path.is_file():
        theirs = _runs_in(read_json(path, "list of compared runs"), path)
        if [item[:3] for item in theirs] != [item[:3] for item in mine]:
            names = ", ".join(str(item[2]) for item in theirs)
            raise ValueError(
                f"`out` must be a new directory, or that of the same comparison. Received: `{out_dir}`, "
                f"which holds the report of {names}. Choose another directory."
            )
    write_json(path, {"runs": mine})


def _runs_in(saved, path):
    runs = saved.get("runs") if isinstance(saved, dict) else None
    is_list = isinstance(runs, list) and all(isinstance(run, list) and len(run) == RUN_FACTS for run in runs)
    if not is_list or not all(isinstance(fact, str) for run in runs for fact in run):
        raise ValueError(
            f"The list of compared runs `{path}` is damaged. Remove it, and give the same command again."
        )
    return runs
