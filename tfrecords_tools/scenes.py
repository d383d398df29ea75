"""Generated scenes in the folder layouts of Cityscapes and PASCAL VOC."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from keras_d3.images import CITYSCAPES_IDS, IGNORED_LABEL, VOC
from keras_d3.utils import atomic_path, check_choice, check_positive_int, optional_package
from tfrecords_tools.synth.objects import object_picture
from tfrecords_tools.synth.street import street_scene

Image = optional_package("PIL.Image", "images", "Drawing scenes")

CITIES = {"train": ("adorf", "bstadt"), "val": ("cburg",), "test": ("dheim",)}
# Every fourth training image has a label map of SBD's form alone.
SBD_EVERY = 4


def make_scenes(
    out: str | Path,
    layout: str = "cityscapes",
    num_train: int = 96,
    num_val: int = 24,
    num_test: int = 0,
    height: int = 128,
    width: int = 256,
    seed: int = 0,
) -> Path:
    """Writes a small data set of generated images in the file layout of Cityscapes or PASCAL VOC.

    Image `i` of a split depends on seed, split and `i` alone. "cityscapes": half of the label maps are
    written as training ids, the others as the data set's ids. "voc": palette PNGs, lists, and every
    fourth training image in the Semantic Boundaries Dataset's form (`OUT/benchmark_RELEASE/dataset`) alone.

    Args:
        out: str or Path, the folder.
        layout: str, "cityscapes" or "voc".
        num_train, num_val, num_test: int, images of each split ("voc" has no test split).
        height, width: int, pixels; the images of "voc" differ in size and are at most that large.
        seed: int, random seed for all images.

    Returns:
        `Path` of the folder to give to `--root`.

    Raises:
        ValueError: an argument breaks its rule.
    """
    check_choice("layout", layout, LAYOUTS)
    for name, value, least in (
        ("num_train", num_train, 1), ("num_val", num_val, 1), ("num_test", num_test, 0),
        ("height", height, 32), ("width", width, 64), ("seed", seed, 0),
    ):  # fmt: skip
        check_positive_int(name, value, least)
    counts = {"train": num_train, "val": num_val, "test": num_test}
    return LAYOUTS[layout](Path(out), counts, height, width, seed)


def _write_cityscapes(out, counts, height, width, seed):
    for split, number in _images(counts):
        rng = _rng(seed, split, number)
        image, label = street_scene(height, width, rng, number)
        city = CITIES[split][number % len(CITIES[split])]
        name = f"{city}_{number:06d}_000019"
        _save(out / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", image)
        gt = out / "gtFine" / split / city
        if number // 2 % 2:
            _save(gt / f"{name}_gtFine_labelTrainIds.png", label)
        else:
            ids = np.zeros(256, "uint8")  # pixels of no class are 0, "unlabeled"
            ids[: len(CITYSCAPES_IDS)] = CITYSCAPES_IDS
            _save(gt / f"{name}_gtFine_labelIds.png", ids[label])
    return out


def _write_voc(out, counts, height, width, seed):
    savemat = optional_package("scipy.io", "images", "Writing SBD's label maps").savemat

    if counts["test"]:
        raise ValueError(f"`num_test` must be 0 for layout 'voc'. Received: num_test={counts['test']}.")
    voc, sbd = out / "VOCdevkit" / "VOC2012", out / "benchmark_RELEASE" / "dataset"
    lists = {"train": [], "val": [], "sbd": []}
    palette = [value for color in VOC.palette for value in color] + [0] * (3 * (IGNORED_LABEL - len(VOC)))
    for split, number in _images(counts):
        rng = _rng(seed, split, number)
        size = (height * rng.uniform(0.75, 1, 2) * (1, width / height)).astype(int)
        image, label = object_picture(*size, rng, number)
        name = f"2012_{(number + 1000 * (split == 'val')):06d}"
        if split == "train" and number % SBD_EVERY == 0:
            lists["sbd"].append(name)
            _save(sbd / "img" / f"{name}.jpg", image)
            # SBD has no ignored pixels: outlines are background.
            label = np.where(label == IGNORED_LABEL, 0, label).astype("uint8")
            with atomic_path(sbd / "cls" / f"{name}.mat") as temporary:
                savemat(temporary, {"GTcls": {"Segmentation": label}})
        else:
            lists[split].append(name)
            _save(voc / "SegmentationClass" / f"{name}.png", label, palette + [224, 224, 192])
        _save(voc / "JPEGImages" / f"{name}.jpg", image)
    folder = voc / "ImageSets" / "Segmentation"
    (voc / "SegmentationClass").mkdir(parents=True, exist_ok=True)
    for path, names in (
        (folder / "train.txt", lists["train"]),
        (folder / "val.txt", lists["val"]),
        (sbd / "train.txt", lists["sbd"]),
        # SBD's validation list holds images of VOC's, which must not be trained on.
        (sbd / "val.txt", lists["val"][:1]),
    ):
        with atomic_path(path) as temporary:
            temporary.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return out / "VOCdevkit"


def _images(counts):
    images = [(split, number) for split, count in counts.items() for number in range(count)]
    return tqdm(images, desc="scenes", unit="image")


def _rng(seed, split, number):
    return np.random.default_rng((seed, list(CITIES).index(split), number))


def _save(path, pixels, palette=None):
    picture = Image.fromarray(pixels)
    if palette:
        picture.putpalette(palette)
    with atomic_path(path) as temporary:
        picture.save(temporary, **({"quality": 92} if path.suffix == ".jpg" else {}))


LAYOUTS = {"cityscapes": _write_cityscapes, "voc": _write_voc}
