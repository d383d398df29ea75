"""Finds the images and label maps of PASCAL VOC 2012, augmented by the Semantic Boundaries Dataset (SBD).

VOCdevkit/VOC2012/JPEGImages/<name>.jpg
VOCdevkit/VOC2012/SegmentationClass/<name>.png           palette PNG, the data set's own
VOCdevkit/VOC2012/SegmentationClassAug/<name>.png        SBD's, converted (optional)
VOCdevkit/VOC2012/ImageSets/Segmentation/{train,val}.txt, trainaug.txt or train_aug.txt (optional)
SBD/cls/<name>.mat, SBD/img/<name>.jpg, SBD/{train,val}.txt        benchmark_RELEASE/dataset (optional)
"""

from collections.abc import Callable
from pathlib import Path

from tfrecords_tools.faults import FaultList
from tfrecords_tools.image_writer import ImageFiles
from tfrecords_tools.track_files import VALIDATION_NAMES

AUGMENTED_LISTS = ("trainaug", "train_aug")
# The data set's own is the first; the others are those of own data in this layout.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
_SUFFIXES_TRIED = (*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES))
OWN, CONVERTED, SBD = "SegmentationClass", "SegmentationClassAug", "SBD"


def list_voc(
    root: str | Path,
    sbd: str | Path | None = None,
    augmented: bool | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> tuple[ImageFiles, ...]:
    """Lists the images of PASCAL VOC 2012 with their label maps.

    Validation images are those of `val.txt`, with the data set's label maps. Training images, with
    augmentation, are those of the list `trainaug.txt` or `train_aug.txt`; without such a list, those of
    `train.txt` and of both of SBD's lists that are not in `val.txt` (10,582). Label maps of training images
    come from `SegmentationClassAug` where that folder has them, else from `SegmentationClass`, else from
    SBD's `.mat` files. The origin matters (a reproduction of DeepLab with another set lost six points), so
    the manifest names it for each image.

    Args:
        root: str or Path, folder `VOCdevkit`, or `VOC2012` in it.
        sbd: str or Path, folder `benchmark_RELEASE/dataset` of SBD, or one above. None: without SBD.
        augmented: bool, whether to train on SBD's images too; False: `train.txt` alone. None: if a list
            `trainaug.txt` or `sbd` is there.
        log: callable that receives lines of text for the user.

    Returns:
        Tuple of `ImageFiles`.

    Raises:
        FileNotFoundError: a folder, list, image or label map is missing.
        ValueError: images are in both training and validation list.
    """
    root = _voc_folder(Path(root))
    sbd = None if sbd is None else _sbd_folder(Path(sbd))
    lists = root / "ImageSets" / "Segmentation"
    validation = _read_list(_validation_list(lists))
    training, source = _training_names(lists, sbd, augmented, validation)
    both = sorted(set(training) & set(validation))
    if both:
        raise ValueError(
            f"No image may be in both the training list ({source}) and `val.txt`. Received: {len(both)}, "
            f"{', '.join(both[:3])}. Take them out of the training list."
        )
    images, faults = [], FaultList()
    for split, names, labels, origins in (
        ("validation", validation, None, (OWN, CONVERTED)),
        ("train", training, sbd, (CONVERTED, OWN, SBD)),
    ):
        for name in names:
            with faults.collected():
                images.append(_files(root, labels, split, name, origins))
    faults.raise_all()
    counts = {}
    for files in images:
        counts[files.split, files.label_from] = counts.get((files.split, files.label_from), 0) + 1
    log(f"Training list: {source}.")
    for (split, origin), count in sorted(counts.items()):
        log(f"Label maps for {split} from {origin}: {count}.")
    return tuple(images)


def _voc_folder(root):
    for folder in (root / "VOC2012", root):
        if (folder / "JPEGImages").is_dir():
            break
    else:
        raise FileNotFoundError(
            f"No folder `{root / 'VOC2012' / 'JPEGImages'}`. `--root` must be VOCdevkit as its archive "
            "unpacks, with VOC2012/JPEGImages, VOC2012/SegmentationClass and VOC2012/ImageSets/Segmentation."
        )
    for name in ("SegmentationClass", "ImageSets/Segmentation"):
        if not (folder / name).is_dir():
            raise FileNotFoundError(f"No folder `{folder / name}`, which belongs to VOC2012 in VOCdevkit.")
    return folder


def _sbd_folder(path):
    for folder in (path, path / "dataset", path / "benchmark_RELEASE" / "dataset"):
        if (folder / "cls").is_dir():
            return folder
    raise FileNotFoundError(
        f"No folder `{path / 'cls'}`. `--sbd` must be benchmark_RELEASE/dataset of the Semantic Boundaries "
        "Dataset, with cls/<name>.mat, img/<name>.jpg, train.txt and val.txt."
    )


def _validation_list(lists):
    """`val.txt`, or the same under another name, as own data sets in this layout have it."""
    names = ("val", *VALIDATION_NAMES)
    return lists / next((f"{name}.txt" for name in names if (lists / f"{name}.txt").is_file()), "val.txt")


def _read_list(path):
    """Returns the names in a list, one per line.

    Lines of the form "/JPEGImages/<name>.jpg /SegmentationClassAug/<name>.png" are read too.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No list of images at `{path}`.")
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    names = [_stem(Path(words[0]).name) for words in lines if words]
    if len(set(names)) != len(names) or not names:
        raise ValueError(f"`{path}` must list different images. Received: {len(names)} lines.")
    return names


def _stem(name):
    suffix = next((suffix for suffix in IMAGE_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def _training_names(lists, sbd, augmented, validation):
    path = next(
        (lists / f"{name}.txt" for name in AUGMENTED_LISTS if (lists / f"{name}.txt").is_file()), None
    )
    if augmented is not False and path:
        return _read_list(path), path.name
    if augmented is not False and sbd:
        names = {
            *_read_list(lists / "train.txt"),
            *_read_list(sbd / "train.txt"),
            *_read_list(sbd / "val.txt"),
        }
        return sorted(names - set(validation)), "train.txt and SBD's train.txt and val.txt, without val.txt"
    if augmented:
        raise FileNotFoundError(
            f"`--augmented yes` needs a list `{lists / 'trainaug.txt'}` (or train_aug.txt), or SBD: "
            "`--sbd DIR`."
        )
    return _read_list(lists / "train.txt"), "train.txt (no augmentation)"


def _files(root, sbd, split, name, origins):
    label = {OWN: root / OWN / f"{name}.png", CONVERTED: root / CONVERTED / f"{name}.png"}
    if sbd:
        label[SBD] = sbd / "cls" / f"{name}.mat"
    origin = next((origin for origin in origins if origin in label and label[origin].is_file()), None)
    if origin is None:
        paths = ", ".join(f"`{label[origin]}`" for origin in origins if origin in label)
        hint = "" if sbd or split != "train" else " Label maps of SBD are found with `--sbd DIR`."
        raise FileNotFoundError(f"Image {name!r} of the {split} list has no label map at {paths}.{hint}")
    folders = [root / "JPEGImages", *([sbd / "img"] if sbd else [])]
    paths = [folder / f"{name}{suffix}" for folder in folders for suffix in _SUFFIXES_TRIED]
    image = next((path for path in paths if path.is_file()), None)
    if image is None:
        raise FileNotFoundError(f"Image {name!r} of the {split} list is not at `{paths[0]}`.")
    coding = "sbd" if origin == SBD else "indices"
    return ImageFiles(split, name, str(image), str(label[origin]), coding, origin)
