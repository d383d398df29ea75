"""The commands `keras-d3 segment` and `keras-d3 convert d3net-segmentation`."""

from pathlib import Path


def add_segment(commands):
    """Adds the sub-parser of `segment`."""
    command = commands.add_parser(
        "segment",
        help="find the class of every pixel of images with a SavedModel",
        description="Writes DIR/<image>_labels.png (class numbers, with a palette) and "
        "DIR/<image>_overlay.png (the image under the classes' colours) per image.",
    )
    command.add_argument("images", nargs="+", metavar="IMAGE", help="image files: any format of Pillow")
    command.add_argument("--model", required=True, metavar="SAVED_MODEL", help="made by `keras-d3 export`")
    command.add_argument("--out", required=True, metavar="DIR")
    command.add_argument(
        "--opacity", type=float, default=0.5, help="of the colours in the overlay, 0 to 1 (default: 0.5)"
    )
    command.set_defaults(function=_segment)


def _segment(options):
    from keras_d3.segmentation import load_segmenter, segment_file

    names = [Path(image).stem for image in options.images]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            "Images must have different names, as each gets the files DIR/<image>_labels.png and "
            f"DIR/<image>_overlay.png. Received twice: {', '.join(twice)}. Segment them into different "
            "directories."
        )
    if not 0 <= options.opacity <= 1:
        raise ValueError(f"`--opacity` must be a number from 0 to 1. Received: {options.opacity}.")
    segmenter = load_segmenter(options.model)
    for image in options.images:
        for path in segment_file(segmenter, image, options.out, opacity=options.opacity):
            print(path)


def add_convert_d3net_segmentation(networks):
    """Adds the sub-parser of `convert d3net-segmentation`."""
    command = networks.add_parser(
        "d3net-segmentation", help="D3Net for segmentation, sony/ai-research-code (NNabla .h5)"
    )
    command.add_argument("--weights", required=True, metavar="FILE", help="the .h5 of a whole network")
    command.add_argument(
        "--config",
        required=True,
        metavar="S|L|FILE",
        help="S or L: the authors' settings, built in; or a YAML or JSON file in the official keys",
    )
    command.add_argument("--out", required=True, metavar="SAVED_MODEL")
    command.add_argument(
        "--window",
        type=_size,
        metavar="HEIGHTxWIDTH",
        help="cut images into overlapping windows, which bounds the memory (default: the whole image)",
    )
    command.add_argument("--overwrite", action="store_true", help="replace a SavedModel at --out")
    command.set_defaults(function=_convert_d3net_segmentation)


def _size(text):
    height, width = text.lower().split("x")
    return int(height), int(width)


def _convert_d3net_segmentation(options):
    from keras_d3.convert import d3net_segmentation_segmenter

    if Path(options.out).exists() and not options.overwrite:
        raise FileExistsError(f"`{options.out}` exists already. Choose another path, or give --overwrite.")
    segmenter = d3net_segmentation_segmenter(options.weights, options.config, options.window)
    print(segmenter.export(options.out, overwrite=options.overwrite))
