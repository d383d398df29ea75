"""Finds the images and label maps of Cityscapes.

ROOT/leftImg8bit/{train,val,test}/<city>/<name>_leftImg8bit.png
ROOT/gtFine/{train,val,test}/<city>/<name>_gtFine_labelTrainIds.png    or    ..._gtFine_labelIds.png
"""

from collections.abc import Callable
from pathlib import Path

from keras_d3.utils import is_foreign
from tfrecords_tools.image_writer import ImageFiles

SPLIT_FOLDERS = {"train": "train", "val": "validation", "test": "test"}
# Names of copies; the archives say `val`.
VALIDATION_FOLDERS = ("val", "valid", "validation")
IMAGE_SUFFIX = "_leftImg8bit.png"
# Output of the data set's script `createTrainIdLabelImgs`, and label maps of the download.
LABEL_SUFFIXES = {"_gtFine_labelTrainIds.png": "indices", "_gtFine_labelIds.png": "cityscapes_ids"}


def list_cityscapes(
    root: str | Path, log: Callable[[str], None] = lambda line: None
) -> tuple[ImageFiles, ...]:
    """Lists the images of Cityscapes with their fine label maps.

    Label maps of training ids are preferred to those of the data set's ids, which are mapped by its public
    table. The test split is left out if it has no label maps. (Those of the download are empty: the
    benchmark keeps the real ones.) A split that has neither images nor label maps is left out, too.

    Args:
        root: str or Path, folder with `leftImg8bit/` and `gtFine/`.
        log: callable that receives lines of text for the user.

    Returns:
        Tuple of `ImageFiles`.

    Raises:
        FileNotFoundError: a folder is missing or empty.
        ValueError: an image has no label map, or the other way round.
    """
    root = Path(root)
    images = []
    found = [folder for folder in (*SPLIT_FOLDERS, *VALIDATION_FOLDERS) if _has_all(root, folder)]
    for name, split in SPLIT_FOLDERS.items():
        folder = _validation_folder(root) if name == "val" else name
        folders = root / "leftImg8bit" / folder, root / "gtFine" / folder
        missing = [path for path in folders if not path.is_dir()]
        # Half a split is a mistake, but for the test split, whose labels are worth nothing.
        if missing and (folder == "test" or (found and len(missing) == 2)):
            reason = f"there is no `{missing[0]}`"
            if len(missing) == 1 or folder != "test":
                log(f"The {split} split is left out: {reason}.")
            continue
        if missing:
            raise FileNotFoundError(
                f"No folder `{missing[0]}`. `--root` must hold Cityscapes as its archives unpack: "
                "leftImg8bit/train/<city>/<name>_leftImg8bit.png and "
                "gtFine/train/<city>/<name>_gtFine_labelIds.png (or ..._labelTrainIds.png), and the same "
                f"under val/. Received: --root {root}."
            )
        if not _files(folders[0], IMAGE_SUFFIX):
            raise FileNotFoundError(f"`{folders[0]}` must hold <city>/<name>{IMAGE_SUFFIX}. There are none.")
        images += _pairs(*folders, split)
    return tuple(images)


def _validation_folder(root):
    return next((name for name in VALIDATION_FOLDERS if (root / "leftImg8bit" / name).is_dir()), "val")


def _has_all(root, folder):
    return all((root / part / folder).is_dir() for part in ("leftImg8bit", "gtFine"))


def _files(folder, suffix):
    """The files <city>/<name><suffix>, without hidden ones such as the `._name` of macOS."""
    return [
        path
        for path in sorted(folder.glob(f"*/*{suffix}"))
        if not is_foreign(path) and not is_foreign(path.parent)
    ]


def _pairs(image_folder, label_folder, split):
    labels = {
        (path.parent.name, path.name.removesuffix(suffix)): (path, coding)
        # The first suffix wins.
        for suffix, coding in reversed(LABEL_SUFFIXES.items())
        for path in _files(label_folder, suffix)
    }
    pairs, unpaired = [], []
    for path in _files(image_folder, IMAGE_SUFFIX):
        key = path.parent.name, path.name.removesuffix(IMAGE_SUFFIX)
        if key not in labels:
            unpaired.append(str(path))
            continue
        label, coding = labels.pop(key)
        pairs.append(ImageFiles(split, key[1], str(path), str(label), coding, "gtFine"))
    unpaired += [str(path) for path, _ in labels.values()]
    if unpaired:
        shown = ", ".join(f"`{path}`" for path in unpaired[:3]) + (", ..." if len(unpaired) > 3 else "")
        raise ValueError(
            f"Every image must have a label map and every label map an image. Received: {len(unpaired)} "
            f"without: {shown}. Unpack leftImg8bit and gtFine again, or remove these files."
        )
    return pairs
