"""The networks that `--model` and `--run-dir` name."""

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
        FileNotFoundError: there is no run, or a checkpoint is missing.
    """
    from keras_d3.runs import Run

    run = Run(run_dir)
    about = {"recipe": run.config.recipe, "config": run.config.name}
    return [
        (target, network.checkpoint(run.config.training.selection), {"target": target, **about})
        for target, network in run.networks.items()
    ]
