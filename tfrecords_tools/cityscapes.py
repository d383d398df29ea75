"""Finds the images and label maps of Cityscapes.

ROOT/leftImg8bit/{train,val,test}/<city>/<name>_leftImg8bit.png
ROOT/gtFine/{train,val,test}/<city>/<name>_gtFine_labelTrainIds.png    or    ..._gtFine_labelIds.png
"""

from pathlib import Path

from tfrecords_tools.image_writer import ImageFiles

SPLIT_FOLDERS = {"train": "train", "val": "validation", "test": "test"}
IMAGE_SUFFIX = "_leftImg8bit.png"
# What the data set's script `createTrainIdLabelImgs` makes, and what the download holds.
LABEL_SUFFIXES = {"_gtFine_labelTrainIds.png": "indices", "_gtFine_labelIds.png": "cityscapes_ids"}


def list_cityscapes(root, report=lambda text: None):
    """Lists the images of Cityscapes with their fine label maps.

    Label maps of training ids are taken where they are, else those of the data set's own ids, which are
    mapped by its public table. The test split is left out if its labels are not there. (Those that the
    download holds are empty: the benchmark keeps the real ones.)

    Args:
        root: folder with `leftImg8bit/` and `gtFine/`.
        report: called with lines of text for the user.

    Returns:
        Tuple of `ImageFiles`.

    Raises:
        FileNotFoundError: a folder is missing; the message names what was expected.
        ValueError: an image has no label map, or the other way round.
    """
    root = Path(root)
    images = []
    for folder, split in SPLIT_FOLDERS.items():
        places = root / "leftImg8bit" / folder, root / "gtFine" / folder
        missing = [place for place in places if not place.is_dir()]
        if missing and folder == "test":
            if len(missing) == 1:
                report(f"The test split is left out: there is no `{missing[0]}`.")
            continue
        if missing:
            raise FileNotFoundError(
                f"No folder `{missing[0]}`. `--root` must hold Cityscapes as its archives unpack: "
                "leftImg8bit/train/<city>/<name>_leftImg8bit.png and "
                "gtFine/train/<city>/<name>_gtFine_labelIds.png (or ..._labelTrainIds.png), and the same "
                f"under val/. Received: --root {root}."
            )
        if not any(places[0].glob(f"*/*{IMAGE_SUFFIX}")):
            raise FileNotFoundError(f"`{places[0]}` must hold <city>/<name>{IMAGE_SUFFIX}. There are none.")
        images += _pairs(*places, split)
    return tuple(images)


def _pairs(image_folder, label_folder, split):
    labels = {
        (path.parent.name, path.name.removesuffix(suffix)): (path, coding)
        # The first suffix wins.
        for suffix, coding in reversed(LABEL_SUFFIXES.items())
        for path in sorted(label_folder.glob(f"*/*{suffix}"))
    }
    pairs, alone = [], []
    for path in sorted(image_folder.glob(f"*/*{IMAGE_SUFFIX}")):
        key = path.parent.name, path.name.removesuffix(IMAGE_SUFFIX)
        if key not in labels:
            alone.append(str(path))
            continue
        label, coding = labels.pop(key)
        pairs.append(ImageFiles(split, key[1], str(path), str(label), coding, "gtFine"))
    alone += [str(path) for path, _ in labels.values()]
    if alone:
        shown = ", ".join(f"`{path}`" for path in alone[:3]) + (", ..." if len(alone) > 3 else "")
        raise ValueError(
            f"Every image must have a label map and every label map an image. Received: {len(alone)} "
            f"without: {shown}. Unpack leftImg8bit and gtFine again, or remove these files."
        )
    return pairs
