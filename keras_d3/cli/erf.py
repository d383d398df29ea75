"""`keras-d3 erf`: effective receptive fields of networks, as pictures and numbers."""

from pathlib import Path

from keras_d3.cli.networks import add_networks, networks_of_run
from keras_d3.cli.options import add_out, check_out
from keras_d3.presets import listed_presets, preset_named

SMOOTHED, D2_BLOCK = "smoothed", "d2-block"
PRESET, TRAINED = "a preset", "trained networks"
# Option -> what it can be given for.
_BELONGS = {
    "tiny": (PRESET,),
    "from_layer": (PRESET, TRAINED),
    "to_layer": (PRESET, TRAINED),
    "output": (PRESET, TRAINED),
    "position": (PRESET, TRAINED),
    "channel": (PRESET, TRAINED),
    "rate": (PRESET, TRAINED),
    "size": (PRESET, TRAINED),
    "images": (PRESET, TRAINED, SMOOTHED),
    "model": (TRAINED, SMOOTHED),
    "run_dir": (TRAINED, SMOOTHED),
    "noise": (SMOOTHED,),
}
DEFAULT_NUM_INPUTS, DEFAULT_NOISE = 4, 0.1


def add_erf(command):
    """Adds the options of the command."""
    command.description = (
        "Writes a picture (enlarged 10 times, black is exactly zero), the map and its numbers."
    )
    command.add_argument(
        "network",
        nargs="?",
        metavar="NETWORK",
        help="a preset; or a built-in figure: `smoothed` (figures 8 and 9 of Wang and Ji, 2018; of random "
        "networks, or of those that --model and --run-dir name), `d2-block` (figure 3 of Takahashi and "
        "Mitsufuji, 2021)",
    )
    add_networks(command, action="append")
    add_out(command)
    command.add_argument("--tiny", action="store_true", help="the preset's small sibling")
    command.add_argument(
        "--from-layer", metavar="NAME", help="from the input of this layer (default: the model's)"
    )
    command.add_argument(
        "--to-layer", metavar="NAME", help="to the output of this layer (default: the model's)"
    )
    command.add_argument(
        "--output", metavar="NAME", help="one of several outputs (default: the sum of their maps)"
    )
    command.add_argument(
        "--position", type=int, nargs="+", metavar="I", help="position at the output (default: the center)"
    )
    command.add_argument(
        "--channel", type=int, metavar="I", help="channel of the output (default: all at once)"
    )
    command.add_argument(
        "--rate", type=int, nargs="+", metavar="R", help="dilation rate of the lattice, for the energy off it"
    )
    command.add_argument(
        "--size",
        type=int,
        nargs="+",
        metavar="N",
        help="size of random inputs, on the axes that are not fixed",
    )
    command.add_argument(
        "--num-inputs",
        type=int,
        metavar="N",
        help=f"random inputs to average (default: {DEFAULT_NUM_INPUTS})",
    )
    command.add_argument("--images", metavar="DIR", help="images to average instead of random inputs")
    command.add_argument("--seed", type=int, default=0, help="random seed of weights and inputs (default: 0)")
    command.add_argument(
        "--noise",
        type=float,
        metavar="STD",
        help=f"smoothed: standard deviation of the random smoothing weights (default: {DEFAULT_NOISE})",
    )
    command.add_argument(
        "--max-panel", type=int, default=4000, metavar="PIXELS", help="largest panel (default: 4000)"
    )
    command.set_defaults(run=_erf)


def _erf(options):
    kind = _kind(options)
    _check_options(options, kind)
    if options.num_inputs is None and not options.images:
        options.num_inputs = DEFAULT_NUM_INPUTS
    if kind in (SMOOTHED, D2_BLOCK):
        _figure(options, kind)
    else:
        _networks(options, kind)


def _kind(options):
    """What the field is measured of; raises ValueError for an unknown preset."""
    if options.network in (SMOOTHED, D2_BLOCK):
        return options.network
    if options.network is not None:
        preset_named(options.network, listed_presets())
        return PRESET
    if not (options.model or options.run_dir):
        raise ValueError(
            f"Name a preset or a figure ({SMOOTHED}, {D2_BLOCK}), or give `--model` or `--run-dir`."
        )
    return TRAINED


def _check_options(options, kind):
    for name, kinds in _BELONGS.items():
        if getattr(options, name) not in (None, False) and kind not in kinds:
            raise ValueError(
                f"`--{name.replace('_', '-')}` does not belong to `keras-d3 erf` of "
                f"{options.network or kind}. Leave it out."
            )
    if options.images and options.num_inputs is not None:
        raise ValueError("`--num-inputs` counts random inputs. Leave it out with `--images`.")


def _settings(options):
    """What the JSON file says of how the field was measured."""
    from keras_d3.utils import current_commit

    left_out = ("command", "run", "out", "overwrite", "max_panel")
    given = {key: value for key, value in vars(options).items() if value not in (None, False)}
    return {
        **{key: value for key, value in given.items() if key not in left_out},
        "commit": current_commit(),
    }


def _networks(options, kind):
    """The fields of a preset or of trained networks, one by one."""
    import keras

    from keras_d3 import analysis
    from keras_d3.models import build

    keras.utils.set_random_seed(options.seed)
    if kind == PRESET:
        models = {options.network: build(options.network, tiny=options.tiny)}
    else:
        models = _trained(options)
    part = "_to_".join(filter(None, (options.from_layer, options.to_layer)))
    names = [
        "_".join(filter(None, (label if len(models) > 1 else "", part))) or model.name
        for label, model in models.items()
    ]
    check_out(options, *(Path(options.out) / f"{name}.png" for name in names))
    rate = options.rate[0] if options.rate and len(options.rate) == 1 else options.rate
    for name, model in zip(names, models.values(), strict=True):
        settings = _settings(options)
        if options.images:
            inputs = analysis.image_inputs(options.images, model)
        else:
            shape, std = analysis.input_shape(model, options.size), analysis.input_std(model)
            settings.update(input_shape=list(shape), input_std=std)
            inputs = analysis.random_inputs(shape, options.num_inputs, options.seed, std)
        field = analysis.effective_receptive_field(
            model,
            inputs,
            from_layer=options.from_layer,
            to_layer=options.to_layer,
            output=options.output,
            position=options.position,
            channel=options.channel,
            lattice_rate=rate,
        )
        paths = analysis.write_field(options.out, name, field, settings, options.max_panel)
        _print({name: field}, paths)


def _figure(options, kind):
    """A picture of a paper."""
    from keras_d3 import analysis

    check_out(options, Path(options.out) / f"{kind}.png")
    if kind == D2_BLOCK:
        fields = analysis.d2_block_fields(num_inputs=options.num_inputs, seed=options.seed)
    else:
        if options.noise is None:
            options.noise = DEFAULT_NOISE
        networks, inputs = _trained(options) or None, None
        if options.images:
            if not networks:
                raise ValueError("`--images` needs trained networks: name them by `--model` or `--run-dir`.")
            inputs = list(analysis.image_inputs(options.images, next(iter(networks.values()))))
        fields = analysis.smoothed_fields(networks, inputs, options.num_inputs, options.seed, options.noise)
    paths = analysis.write_figure(options.out, kind, fields, _settings(options), options.max_panel)
    _print(
        {f"{title}, {label}": field for title, row in fields.items() for label, field in row.items()}, paths
    )


def _trained(options):
    """Loads the networks of `--model` and `--run-dir`, by names that tell them apart."""
    from keras_d3.analysis import load_network

    found = [(Path(path).stem, path) for path in options.model or ()]
    for run_dir in options.run_dir or ():
        for target, path, _ in networks_of_run(run_dir):
            found.append(("_".join(filter(None, (Path(run_dir).name, target))), path))
    paths = dict(found)
    if len(paths) < len(found):
        raise ValueError(
            "`--model` and `--run-dir` must name different files. Received: "
            f"{', '.join(name for name, _ in found)}."
        )
    return {name: load_network(path) for name, path in paths.items()}


def _print(fields, paths):
    from keras_d3.analysis import format_fields

    print(format_fields(fields))
    for path in paths:
        print(path)
