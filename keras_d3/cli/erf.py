"""The command `keras-d3 erf`: effective receptive fields of networks, as pictures and numbers."""

from pathlib import Path

FIGURES = ("smoothed", "d2-block")
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
# Random waveforms must not make the outputs clip, behind which every gradient is 0.
_WAVEFORM_SCALE = 0.1
# Option of argparse -> the kinds of NETWORK it belongs to.
_BELONGS = {
    "tiny": ("preset",),
    "from_layer": ("preset", "model"),
    "to_layer": ("preset", "model"),
    "output": ("preset", "model"),
    "position": ("preset", "model"),
    "channel": ("preset", "model"),
    "rate": ("preset", "model"),
    "size": ("preset", "model"),
    "images": ("preset", "model", "smoothed"),
    "model": ("smoothed",),
    "noise": ("smoothed",),
}


def add_erf(commands):
    """Adds the command."""
    command = commands.add_parser(
        "erf",
        help="effective receptive field of a network or a part of it: which inputs an output depends on",
        description="Writes a picture (10 times enlarged, black is exactly zero), the map and its numbers.",
    )
    command.add_argument(
        "network",
        metavar="NETWORK",
        help="a preset, a .keras file or a run directory; or a built-in figure: `smoothed` (figures 8 and 9 "
        "of Wang and Ji, 2018), `d2-block` (figure 3 of Takahashi and Mitsufuji, 2021)",
    )
    command.add_argument("--out", required=True, metavar="DIR", help="where the files go")
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
        "--position", type=int, nargs="+", metavar="I", help="at the output (default: the centre)"
    )
    command.add_argument("--channel", type=int, metavar="I", help="of the output (default: all at once)")
    command.add_argument(
        "--rate", type=int, nargs="+", metavar="R", help="of the lattice, for the energy off it"
    )
    command.add_argument("--size", type=int, nargs="+", metavar="N", help="of random inputs: those not fixed")
    command.add_argument("--num-inputs", type=int, metavar="N", help="random inputs to average (default: 4)")
    command.add_argument("--images", metavar="DIR", help="images to average instead of random inputs")
    command.add_argument("--seed", type=int, default=0, help="of weights and random inputs (default: 0)")
    command.add_argument("--noise", type=float, metavar="STD", help="smoothed: of its weights (default: 0.1)")
    command.add_argument(
        "--model",
        action="append",
        metavar="FILE",
        help="smoothed: a trained DeepLabv2 instead of random ones, .keras file or run directory; repeat it",
    )
    command.add_argument(
        "--max-panel", type=int, default=4000, metavar="PIXELS", help="enlarge less beyond it (default: 4000)"
    )
    command.set_defaults(run=_erf)


def _erf(options):
    kind = _kind(options.network)
    for name, kinds in _BELONGS.items():
        if getattr(options, name) not in (None, False) and kind not in kinds:
            raise ValueError(
                f"`--{name.replace('_', '-')}` does not belong to `keras-d3 erf {options.network}`. "
                "Leave it out."
            )
    if options.images and options.num_inputs is not None:
        raise ValueError("`--num-inputs` counts random inputs. Leave it out with `--images`.")
    if options.num_inputs is None:
        options.num_inputs = 4
    settings = {
        key: value
        for key, value in vars(options).items()
        if value not in (None, False) and key not in ("command", "run", "out", "max_panel")
    }
    from keras_d3.utils import current_commit

    settings["commit"] = current_commit()
    if kind in FIGURES:
        return _figure(options, kind, settings)
    return _single(options, kind, settings)


def _kind(network):
    if network in FIGURES:
        return network
    if Path(network).suffix == ".keras":
        return "model"
    from keras_d3.models import find_preset, presets

    if Path(network).is_dir() and network not in presets():
        return "model"
    return find_preset(network) and "preset"


def _single(options, kind, settings):
    import keras

    from keras_d3.analysis import effective_receptive_field, format_fields, random_inputs, write_field
    from keras_d3.models import build, presets

    keras.utils.set_random_seed(options.seed)
    model = build(options.network, tiny=options.tiny) if kind == "preset" else load_network(options.network)
    preset = presets().get(model.name)
    if options.images:
        inputs = read_images(options.images, preset)
    else:
        scale = _WAVEFORM_SCALE if len(model.inputs[0].shape) == 3 else 1.0
        shape = _input_shape(model, options.size)
        settings["input_shape"], settings["input_std"] = list(shape), scale
        inputs = random_inputs(shape, options.num_inputs, options.seed, scale)
    field = effective_receptive_field(
        model,
        inputs,
        from_layer=options.from_layer,
        to_layer=options.to_layer,
        output=options.output,
        position=options.position,
        channel=options.channel,
        lattice_rate=_one_or_many(options.rate),
    )
    name = "_to_".join(filter(None, (options.from_layer, options.to_layer)))
    paths = write_field(options.out, name or model.name, field, settings, options.max_panel)
    _report({name or model.name: field}, paths, format_fields)


def _figure(options, kind, settings):
    from keras_d3.analysis import erf_figures, format_fields, write_figure

    if kind == "smoothed":
        settings["noise"] = options.noise = 0.1 if options.noise is None else options.noise
        networks, inputs = None, None
        if options.model:
            networks = {_label(path): load_network(path) for path in options.model}
            if len(networks) < len(options.model):
                raise ValueError(
                    f"`--model` must name different files. Received: {', '.join(options.model)}."
                )
        if options.images:
            if not networks:
                raise ValueError("`--images` needs trained networks: name them by `--model`.")
            from keras_d3.models import presets

            preset = presets().get(next(iter(networks.values())).name)
            inputs = list(read_images(options.images, preset))
        fields = erf_figures.smoothed_fields(
            networks, inputs, options.num_inputs, options.seed, options.noise
        )
    else:
        fields = erf_figures.d2_block_fields(num_inputs=options.num_inputs, seed=options.seed)
    paths = write_figure(options.out, kind, fields, settings, options.max_panel)
    rows = {f"{title}, {label}": field for title, row in fields.items() for label, field in row.items()}
    _report(rows, paths, format_fields)


def load_network(path):
    """Loads a `.keras` file, or the best checkpoint of a run directory.

    Raises:
        FileNotFoundError: there is none.
    """
    import keras

    # Loading looks layers up by name; these imports register them.
    import keras_d3.blocks
    import keras_d3.layers
    import keras_d3.models  # noqa: F401

    file = Path(path) / "checkpoints" / "best.keras" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"No network at `{file}`. Give a .keras file, or a run directory, made by "
            "`python -m recipes.<name>.train`."
        )
    return keras.saving.load_model(file, compile=False)


def read_images(directory, preset=None):
    """Yields the images of a directory as float32 (1, height, width, 3), normalised as `preset` says.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the network does not read RGB images.
    """
    import numpy as np
    from PIL import Image

    if preset is not None and preset.normalization is None:
        raise ValueError(
            f"`--images` needs a network that reads RGB images. Received: '{preset.name}', which works on "
            f"a {preset.task}."
        )
    files = sorted(path for path in Path(directory).glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"No images in `{directory}` ({', '.join(IMAGE_SUFFIXES)}).")

    def read(file):
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"), "float32")
        return (pixels if preset is None else preset.normalization(pixels))[None]

    return map(read, files)


def _input_shape(model, size):
    """The model's input shape without the batch; `size` fills the axes that are not fixed."""
    *known, channels = model.inputs[0].shape[1:]
    unknown = known.count(None)
    size = list(size or ())
    if len(size) == 1 and unknown:
        size *= unknown
    if len(size) != unknown:
        raise ValueError(
            f"`--size` must fill the {unknown} unknown axes of the input {(*known, channels)}. "
            f"Received: {' '.join(map(str, size)) or 'nothing'}."
        )
    return (*(size.pop(0) if axis is None else axis for axis in known), channels)


def _one_or_many(values):
    return values[0] if values is not None and len(values) == 1 else values


def _label(path):
    return Path(path).stem if Path(path).suffix == ".keras" else Path(path).name


def _report(fields, paths, format_fields):
    print(format_fields(fields))
    for path in paths:
        print(path)
