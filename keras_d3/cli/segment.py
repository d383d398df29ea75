"""`keras-d3 segment`: images into label maps and overlays."""

import functools
from pathlib import Path

from keras_d3.cli.options import (
    add_label_ids,
    add_out,
    add_saved_model,
    add_segmenter_settings,
    check_different,
    check_out,
    segmenter_changes,
)
from keras_d3.pretrained import find_model

SPLIT = "test"


def add_segment(command):
    """Adds the options of the command."""
    command.description = (
        "Writes DIR/<image>_labels.png (class numbers, with a palette) and "
        "DIR/<image>_overlay.png (the image under the classes' colors) per image."
    )
    command.add_argument("images", nargs="*", metavar="IMAGE", help="image files: any format of Pillow")
    command.add_argument("--data", metavar="RECORDS", help="instead of files: the images of records")
    command.add_argument("--split", metavar="SPLIT", help=f"of the records (default: {SPLIT})")
    add_saved_model(command, "segmenter")
    add_out(command)
    add_label_ids(
        command,
        "classes",
        "dataset: no overlays, and label maps in the data set's own ids under the names that its server "
        "wants, such as berlin_000000_000019_pred_labelIds.png (default: classes)",
    )
    command.add_argument(
        "--opacity", type=float, default=0.5, help="of the colors in the overlay, 0 to 1 (default: 0.5)"
    )
    add_segmenter_settings(
        command.add_argument_group("settings", "in place of those the model was made with")
    )
    command.set_defaults(run=functools.partial(_segment, command))


def _segment(command, options):
    if bool(options.images) == bool(options.data):
        command.error("give image files, or records with --data; one of them")
    if options.split and not options.data:
        command.error("--split belongs to --data: files have no splits")
    options.model = find_model(options.model, "segmenter")
    from keras_d3.segmentation import label_files, read_segmenter_metadata

    if not 0 <= options.opacity <= 1:
        raise ValueError(f"`--opacity` must be a number from 0 to 1. Received: {options.opacity}.")
    manifest = _manifest(options) if options.data else None
    names = [image.name for image in manifest.images(_split(options))] if manifest else []
    names = names or [Path(image).stem for image in options.images]
    check_different(names, "Images", "the files DIR/<image>_labels.png and DIR/<image>_overlay.png")
    if options.label_ids == "classes":
        check_out(options, *(Path(options.out) / f"{name}_labels.png" for name in names))
    classes = read_segmenter_metadata(options.model)["classes"]
    files = {name: label_files(classes, name, options.out, options.label_ids) for name in names}
    check_different([file[0].name for file in files.values()], "Images", "a label map of its own")
    check_out(options, *(paths[0] for paths in files.values()))
    from keras_d3.segmentation import load_segmenter

    segmenter = load_segmenter(options.model, segmenter_changes(options))
    images = _images(options, manifest)
    objections = [line for image in images if (line := _write(segmenter, *image, files, options))]
    if options.label_ids == "dataset":
        _report(classes, len(files), objections)


def _manifest(options):
    from keras_d3.data import check_kind, load_manifest

    manifest = load_manifest(options.data)
    check_kind(manifest, "images")
    return manifest


def _split(options):
    return options.split or SPLIT


def _images(options, manifest):
    """Yields `(name, pixels)`."""
    from keras_d3.experiments import images_of
    from keras_d3.images import read_image

    if manifest is None:
        yield from ((Path(image).stem, read_image(image)) for image in options.images)
    else:
        for image in images_of(manifest, _split(options)):
            yield image["image_name"], image["pixels"]


def _write(segmenter, name, pixels, files, options):
    """Segments an image; returns what the server would object to."""
    from keras_d3.images import benchmark_labels
    from keras_d3.segmentation import write_segmentation

    labels, _ = segmenter.segment(pixels)
    write_segmentation(segmenter, pixels, labels, files[name], options.opacity, options.label_ids)
    for path in files[name]:
        print(path)
    if options.label_ids == "classes":
        return ""
    objections = benchmark_labels(segmenter.classes).objections(name, pixels.shape[:2])
    return objections and f"{name}: {objections}"


def _report(classes, num_images, objections):
    from keras_d3.images import benchmark_labels

    benchmark = benchmark_labels(classes).benchmark
    print(f"{num_images} label maps in the ids of {benchmark}.")
    if objections:
        print(f"Its server would refuse {len(objections)} of them, such as {objections[0]}.")
