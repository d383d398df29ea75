"""The networks that `--model` and `--run-dir` name."""

from pathlib import Path

from keras_d3.cli.options import add_run_dir


def add_networks(parser, **kwargs):
    """Adds `--model` and `--run-dir`; keyword arguments are those of `add_argument`."""
    parser.add_argument("--model", metavar="FILE", help="a .keras file", **kwargs)
    add_run_dir(parser, "directory of a finished run: all its networks", required=False, **kwargs)


def networks_of_run(run_dir):
    """Lists the networks of a run, with the weights that its separator or segmenter takes.

    Args:
        run_dir: str or Path.

    Returns:
        List of (target or None, path of the `.keras` file, description as a dict).

    Raises:
        FileNotFoundError: there is no run.
    """
    from keras_d3.settings import RunConfig
    from keras_d3.utils import read_json

    run_dir = Path(run_dir)
    config = RunConfig.from_dict(
        read_json(run_dir / "config.json", "run config", "python -m recipes.<name>.train")
    )
    about = {"recipe": config.recipe, "config": config.name}
    file = f"checkpoints/{config.training.selection}.keras"
    if config.target == "all":
        sources = config.data.sources
        return [(source, run_dir / source / file, {"target": source, **about}) for source in sources]
    return [(config.target, run_dir / file, {"target": config.target, **about})]
