"""The command `keras-d3 filter-norms`: what up paths take from below and what from the skips."""

from pathlib import Path


def add_filter_norms(commands):
    """Adds the command."""
    command = commands.add_parser(
        "filter-norms",
        help="norms of the filters that read up-sampled and skip maps, per block of a network's up path",
        description="Writes <network>.json (means, and the norm of every map) and <network>.png (the means).",
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--run-dir", metavar="RUN", help="directory of a run: all its networks")
    which.add_argument("--model", metavar="FILE", help="a .keras file")
    command.add_argument("--out", required=True, metavar="DIR", help="where the files go")
    command.set_defaults(run=_filter_norms)


def _filter_norms(options):
    from keras_d3.analysis import filter_norms, write_filter_norms
    from keras_d3.cli.erf import load_network

    networks = _of_run(Path(options.run_dir)) if options.run_dir else _of_file(Path(options.model))
    for name, path, about in networks:
        model = load_network(path)
        blocks = filter_norms(model)
        for written in write_filter_norms(options.out, name, blocks, {"network": model.name, **about}):
            print(written)
        for block in blocks:
            place = f"{block.band} {block.block}".strip()
            means = ", ".join(
                f"{view.replace('_', ' ')}: {block.mean(view, 'upsampled'):.3f} up-sampled, "
                f"{block.mean(view, 'skip'):.3f} skip"
                for view in block.norms
            )
            print(f"  {place:12} {means}")


def _of_file(path):
    return [(path.stem, path, {"file": path.name})]


def _of_run(run_dir):
    """Lists (name, checkpoint, about) of every network of a run, with the weights its separator takes."""
    from keras_d3.settings import RunConfig
    from keras_d3.utils import read_json

    values = read_json(run_dir / "config.json", "run config", "python -m recipes.<name>.train")
    config = RunConfig.from_dict(values)
    about = {"recipe": config.recipe, "config": config.name}
    file = f"checkpoints/{config.training.selection}.keras"
    if config.target == "all":
        return [
            (source, run_dir / source / file, {"target": source, **about}) for source in config.data.sources
        ]
    name = config.target or "network"
    return [(name, run_dir / file, {"target": config.target, **about})]
