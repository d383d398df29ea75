"""`keras-d3 segment`: images into label maps and overlays."""

from pathlib import Path

from keras_d3.cli.options import add_out, add_saved_model, check_different, check_out


def add_segment(commands):
    """Adds the command."""
    command = commands.add_parser(
        "segment",
        help="find the class of every pixel of images with a SavedModel",
        description="Writes DIR/<image>_labels.png (class numbers, with a palette) and "
        "DIR/<image>_overlay.png (the image under the classes' colors) per image.",
    )
    command.add_argument("images", nargs="+", metavar="IMAGE", help="image files: any format of Pillow")
    add_saved_model(command)
    add_out(command)
    command.add_argument(
        "--opacity", type=float, default=0.5, help="of the colors in the overlay, 0 to 1 (default: 0.5)"
    )
    command.set_defaults(run=_segment)


def _segment(options):
    from keras_d3.segmentation import load_segmenter, segment_file

    names = [Path(image).stem for image in options.images]
    check_different(names, "Images", "the files DIR/<image>_labels.png and DIR/<image>_overlay.png")
    if not 0 <= options.opacity <= 1:
        raise ValueError(f"`--opacity` must be a number from 0 to 1. Received: {options.opacity}.")
    check_out(options, *(Path(options.out) / f"{name}_labels.png" for name in names))
    segmenter = load_segmenter(options.model)
    for image in options.images:
        for path in segment_file(segmenter, image, options.out, opacity=options.opacity):
            print(path)
