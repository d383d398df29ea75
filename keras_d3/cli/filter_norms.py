"""`keras-d3 filter-norms`: norms of the filters that read up-sampled maps and skip maps."""

from pathlib import Path

from keras_d3.cli.networks import add_networks, networks_of_run
from keras_d3.cli.options import add_out, check_out


def add_filter_norms(command):
    """Adds the options of the command."""
    command.description = (
        "Writes <network>.json (means, and the norm of every map) and <network>.png (the means)."
    )
    add_networks(command.add_mutually_exclusive_group(required=True))
    add_out(command)
    command.set_defaults(run=_filter_norms)


def _filter_norms(options):
    from keras_d3.analysis import filter_norms, load_network, write_filter_norms

    if options.run_dir:
        networks = [
            (name or "network", path, about) for name, path, about in networks_of_run(options.run_dir)
        ]
    else:
        path = Path(options.model)
        networks = [(path.stem, path, {"file": path.name})]
    check_out(options, *(Path(options.out) / f"{name}.json" for name, *_ in networks))
    for name, path, about in networks:
        model = load_network(path)
        blocks = filter_norms(model)
        for written in write_filter_norms(options.out, name, blocks, {"network": model.name, **about}):
            print(written)
        for block in blocks:
            label = f"{block.band} {block.block}".strip()
            means = ", ".join(
                f"{view.replace('_', ' ')}: {block.mean(view, 'upsampled'):.3f} up-sampled, "
                f"{block.mean(view, 'skip'):.3f} skip"
                for view in block.norms
            )
            print(f"  {label:12} {means}")
