"""Cityscapes and VOC: from generated data sets in their layouts to records, and all that is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_d3.data import load_manifest
from keras_d3.data.images.schema import read_image
from keras_d3.images.label_sets import CITYSCAPES, VOC
from tests.helpers.small_scenes import SEED, SIZE
from tfrecords_tools import record_directory
from tfrecords_tools.__main__ import main
from tfrecords_tools.cityscapes import list_cityscapes
from tfrecords_tools.image_writer import write_images
from tfrecords_tools.label_maps import CITYSCAPES_IDS, read_label
from tfrecords_tools.record_jobs import write_group
from tfrecords_tools.scenes import make_scenes
from tfrecords_tools.synth.street import street_scene
from tfrecords_tools.voc import list_voc


def read_all(manifest, split):
    paths = [path for group in manifest.groups(split) for path in group.paths]
    return [read_image(data) for data in tf.data.TFRecordDataset(paths).as_numpy_iterator()]


def test_scenes_have_all_classes_and_pixels_without(street_root, object_root):
    labels = [read_label(f.label, f.coding, 19)[0] for f in list_cityscapes(street_root)]
    assert set(np.unique(labels)) == {*range(19), 255}
    found = set()
    for files in list_voc(object_root / "VOCdevkit", object_root / "benchmark_RELEASE"):
        found |= set(np.unique(read_label(files.label, files.coding, 21)[0]).tolist())
    assert found == {*range(21), 255}


def test_the_same_seed_gives_the_same_files(street_root, tmp_path):
    """However many scenes are made; another seed gives others."""
    again = make_scenes(tmp_path / "a", num_train=2, num_val=1, height=SIZE[0], width=SIZE[1], seed=SEED)
    other = make_scenes(tmp_path / "b", num_train=1, num_val=1, height=SIZE[0], width=SIZE[1], seed=SEED + 1)
    files = [path.relative_to(again) for path in sorted(again.rglob("*.png"))]
    assert len(files) == 6
    for file in files:
        assert (again / file).read_bytes() == (street_root / file).read_bytes()
    first = next(other.rglob("train/*/*_leftImg8bit.png"))
    assert first.read_bytes() != (street_root / first.relative_to(other)).read_bytes()


def test_cityscapes_records(street_records):
    """Pixels are the files', bytes and all; both kinds of label maps become training ids."""
    manifest = load_manifest(street_records)
    assert (manifest.kind, manifest.classes, manifest.palette) == (
        "images",
        CITYSCAPES.names,
        CITYSCAPES.palette,
    )
    codings = set()
    for split, folder in (("train", 0), ("validation", 1)):
        records = read_all(manifest, split)
        assert [record["image_name"] for record in records] == [i.name for i in manifest.images(split)]
        for record in records:
            number = int(record["image_name"].split("_")[1])
            image, label = street_scene(*SIZE, np.random.default_rng((SEED, folder, number)), number)
            np.testing.assert_array_equal(record["pixels"], image)
            np.testing.assert_array_equal(record["label"], label)
            codings.add(number // 2 % 2)
    assert codings == {0, 1}
    numbers = [item.name for item in manifest.images("train")]
    assert numbers != sorted(numbers), "training images are mixed"
    assert [item.name for item in manifest.images("validation")] == sorted(
        item.name for item in manifest.images("validation")
    )


def test_the_table_of_ids(tmp_path):
    """Road is 7, sky 23, bicycle 33; parking (9) and 0 are not evaluated."""
    Image.fromarray(np.array([[7, 23, 33, 9, 0, 255]], "uint8")).save(tmp_path / "ids.png")
    label, encoded = read_label(tmp_path / "ids.png", "cityscapes_ids", 19)
    assert label.tolist() == [[0, 10, 18, 255, 255, 255]]
    (tmp_path / "train_ids.png").write_bytes(encoded)
    assert read_label(tmp_path / "train_ids.png", "indices", 19)[0].tolist() == label.tolist()
    assert len(CITYSCAPES_IDS) == len(CITYSCAPES)


def test_voc_training_images(object_root):
    """`train.txt` and SBD's lists without what is in `val.txt`; SBD's labels where VOC has none."""
    lines = []
    devkit, sbd = object_root / "VOCdevkit", object_root / "benchmark_RELEASE/dataset"
    images = list_voc(devkit, sbd, log=lines.append)
    train = [files for files in images if files.split == "train"]
    assert len(train) == 20 and len(images) == 24
    assert {files.name for files in train if files.label_from == "SBD"} == {
        f"2012_{n:06d}" for n in range(0, 20, 4)
    }
    assert "Label maps for train from SBD: 5." in lines
    own = list_voc(devkit, augmented=False, log=lines.append)
    assert sum(files.split == "train" for files in own) == 15
    assert lines[-3] == "Training list: train.txt (no augmentation)."
    assert list_voc(devkit) == own, "without SBD there is nothing to augment with"
    with pytest.raises(FileNotFoundError, match="needs a list .*trainaug.txt.*`--sbd DIR`"):
        list_voc(devkit, augmented=True)


def test_voc_augmentation_list(object_root, tmp_path):
    """A `trainaug.txt` of pairs of paths, label maps in `SegmentationClassAug`, which then come first."""
    root = tmp_path / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass"):
        (root / folder).mkdir(parents=True)
        for file in (object_root / "VOCdevkit/VOC2012" / folder).iterdir():
            (root / folder / file.name).symlink_to(file)
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("2012_001000\n2012_001001\n")
    names = ["2012_000001", "2012_000004"]
    (lists / "train_aug.txt").write_text(
        "".join(f"/JPEGImages/{name}.jpg /SegmentationClassAug/{name}.png\n" for name in names)
    )
    with pytest.raises(
        FileNotFoundError, match="'2012_000004' of the train list has no label map.*--sbd DIR"
    ):
        list_voc(tmp_path)
    (root / "SegmentationClassAug").mkdir()
    for name in names:
        Image.fromarray(np.full((4, 4), 20, "uint8")).save(root / f"SegmentationClassAug/{name}.png")
    train = [files for files in list_voc(tmp_path) if files.split == "train"]
    assert [(files.name, files.label_from) for files in train] == [(n, "SegmentationClassAug") for n in names]
    (lists / "val.txt").write_text("2012_000001\n")
    with pytest.raises(ValueError, match="both the training list .train_aug.txt. and `val.txt`.*2012_000001"):
        list_voc(tmp_path)
    (root / "JPEGImages/2012_000001.jpg").unlink()
    (lists / "val.txt").write_text("2012_001000\n")
    with pytest.raises(FileNotFoundError, match="'2012_000001' of the train list is not at .*JPEGImages"):
        list_voc(tmp_path)


def test_palette_images_are_read_as_class_numbers(tmp_path):
    """Two classes of the same color stay two: colors are not looked at."""
    picture = Image.fromarray(np.array([[0, 7], [20, 255]], "uint8"))
    picture.putpalette([9, 9, 9] * 256)
    picture.save(tmp_path / "label.png")
    label, encoded = read_label(tmp_path / "label.png", "indices", len(VOC))
    assert label.tolist() == [[0, 7], [20, 255]]
    decoded = tf.io.decode_png(encoded, channels=1)[:, :, 0]
    np.testing.assert_array_equal(decoded, label)


def copy(root, out):
    for path in root.rglob("*.png"):
        (out / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        (out / path.relative_to(root)).write_bytes(path.read_bytes())
    return out


@pytest.fixture
def own_root(street_root, tmp_path):
    """A data set a test may spoil."""
    return copy(street_root, tmp_path / "city")


def spoil(root, how):
    image = sorted(root.glob("leftImg8bit/train/*/*.png"))[0]
    label = sorted(root.glob("gtFine/train/*/*000000*.png"))[0]
    if how == "no label":
        label.unlink()
    elif how == "no image":
        image.unlink()
    elif how == "another size":
        Image.open(image).crop((0, 0, 10, 10)).save(image)
    elif how == "label out of range":
        pixels = np.array(Image.open(label))
        pixels[0, :3] = 77
        Image.fromarray(pixels).save(label)
    elif how == "training id out of range":
        pixels = np.array(Image.open(label))
        pixels[:] = 19
        label.unlink()
        Image.fromarray(pixels).save(str(label).replace("labelIds", "labelTrainIds"))
    elif how == "colors for labels":
        Image.open(label).convert("RGB").save(label)
    elif how == "cut image":
        image.write_bytes(image.read_bytes()[:500])
    elif how == "no image at all":
        image.write_text("<html>404</html>")
    elif how == "palette image":
        Image.open(image).convert("P").save(image)


@pytest.mark.parametrize(
    "how, message",
    [
        ("no label", "Received: 1 without: .*adorf_000000_000019_leftImg8bit.png.*Unpack"),
        ("no image", "Received: 1 without: .*adorf_000000_000019_gtFine_labelIds.png"),
        ("another size", r"must have the same size. Received: 10 x 10 in .*, 48 x 96 in"),
        ("label out of range", "must hold Cityscapes' ids, 0 to 33 or 255. Received: 77"),
        ("training id out of range", "must hold labels 0 to 18, or 255. Received: 19"),
        ("colors for labels", "must be PNG of mode L. Received: PNG of mode RGB"),
        ("cut image", "is no image that can be read: .*Fetch it again"),
        ("no image at all", "is no image that can be read"),
        ("palette image", "must be PNG or JPEG of mode RGB or L. Received: PNG of mode P"),
    ],
)
def test_bad_data_is_named(own_root, tmp_path, how, message):
    spoil(own_root, how)
    with pytest.raises(ValueError, match=message):
        write_images(tmp_path / "out", "c", "v", list_cityscapes(own_root), CITYSCAPES, num_workers=1)
    assert not list(tmp_path.glob("out/*.tfrecord")) and not (tmp_path / "out/manifest.json").exists()


@pytest.mark.parametrize("missing", ["leftImg8bit/train", "gtFine/val"])
def test_missing_folders_are_named(own_root, missing):
    import shutil

    shutil.rmtree(own_root / missing)
    with pytest.raises(FileNotFoundError, match=f"No folder .*{missing}`. `--root` must hold Cityscapes"):
        list_cityscapes(own_root)
    (own_root / missing).mkdir()
    error = ValueError if "gtFine" in missing else FileNotFoundError
    with pytest.raises(error, match="Received: 3 without|There are none"):
        list_cityscapes(own_root)


def test_the_test_split_may_lack_labels(own_root):
    (own_root / "leftImg8bit/test/x").mkdir(parents=True)
    lines = []
    assert {files.split for files in list_cityscapes(own_root, lines.append)} == {"train", "validation"}
    assert "The test split is left out" in lines[0]


def test_a_validation_split_alone(own_root, tmp_path):
    """What a benchmark scores is enough for scores."""
    import shutil

    for part in ("leftImg8bit", "gtFine"):
        shutil.rmtree(own_root / part / "train")
    lines = []
    images = list_cityscapes(own_root, lines.append)
    assert "The train split is left out: there is no" in lines[0]
    manifest = write_images(tmp_path / "out", "c", "v", images, CITYSCAPES, num_workers=1)
    assert set(manifest.splits) == {"validation"}


def test_missing_voc_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="VOC2012/JPEGImages`. `--root` must be VOCdevkit"):
        list_voc(tmp_path)
    (tmp_path / "VOC2012/JPEGImages").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="SegmentationClass`, which belongs to VOC2012"):
        list_voc(tmp_path)
    (tmp_path / "VOC2012/SegmentationClass").mkdir()
    (tmp_path / "VOC2012/ImageSets/Segmentation").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="No list of images at .*val.txt"):
        list_voc(tmp_path)
    with pytest.raises(FileNotFoundError, match="`--sbd` must be benchmark_RELEASE/dataset"):
        list_voc(tmp_path, sbd=tmp_path)
    (tmp_path / "VOC2012/ImageSets/Segmentation/val.txt").write_text("a\na\n")
    with pytest.raises(ValueError, match="must list different images. Received: 2 lines"):
        list_voc(tmp_path)


def test_broken_sbd_files_are_named(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"0" * 200)
    with pytest.raises(ValueError, match="must be a .mat file of the Semantic Boundaries Dataset"):
        read_label(tmp_path / "a.mat", "sbd", 21)


def test_interrupted_writing_goes_on(street_root, tmp_path, monkeypatch):
    images = list_cityscapes(street_root)
    straight = write_images(tmp_path / "straight", "c", "v", images, CITYSCAPES, 0.04, num_workers=1)
    assert len(straight.groups("train")) == 2
    done = []

    def stopping(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job.group)
        return write_group(job)

    monkeypatch.setattr(record_directory, "write_group", stopping)
    with pytest.raises(KeyboardInterrupt):
        write_images(tmp_path / "out", "c", "v", images, CITYSCAPES, 0.04, num_workers=1)
    monkeypatch.setattr(
        record_directory, "write_group", lambda job: done.append(job.group) or write_group(job)
    )
    manifest = write_images(tmp_path / "out", "c", "v", images, CITYSCAPES, 0.04, num_workers=1)
    assert len(done) == len({(shard.split, shard.group) for shard in manifest.shards})
    assert manifest.shards == straight.shards and manifest.splits == straight.splits
    with pytest.raises(ValueError, match="records of another request .shard_mb: 0.04 there, 9 asked for"):
        write_images(tmp_path / "out", "c", "v", images, CITYSCAPES, 9)


def test_command_lines_and_verify(street_root, tmp_path, capsys):
    out = tmp_path / "records"
    assert main(["cityscapes", "--root", str(street_root), "--out", str(out)]) == 0
    assert "train: 4 images, 48 x 96" in capsys.readouterr().out
    assert main(["verify", str(out)]) == 0
    assert "validation: 3 images, 48 x 96, 3 records" in capsys.readouterr().out
    values = json.loads((out / "manifest.json").read_text())
    del values["checksum"]  # as one who changes the manifest on purpose
    for change, message in (
        (lambda images: images[0].update(name="other"), "it belongs to"),
        (lambda images: images[0].update(height=47), "it belongs to"),
        (lambda images: images.pop(), "out of order|broken at record"),
    ):
        changed = json.loads(json.dumps(values))
        change(changed["splits"]["train"]["images"])
        (out / "manifest.json").write_text(json.dumps(changed))
        assert main(["verify", str(out)]) == 1
        assert any(part in capsys.readouterr().err for part in message.split("|"))
    (out / "manifest.json").write_text(json.dumps(values | {"kind": "video"}))
    assert main(["verify", str(out)]) == 1
    assert "must be one of 'audio', 'images'. Received:" in capsys.readouterr().err
    assert main(["cityscapes", "--root", str(tmp_path), "--out", str(out)]) == 1
    assert "`--root` must hold Cityscapes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"layout": "coco"}, "`layout` must be one of 'cityscapes', 'voc'"),
        ({"num_train": 0}, "`num_train` must be an integer of at least 1"),
        ({"layout": "voc", "num_test": 1}, "`num_test` must be 0 for layout 'voc'"),
    ],
)
def test_scenes_refuse(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_scenes(tmp_path, **arguments)


def test_writer_refuses(tmp_path):
    with pytest.raises(ValueError, match="`shard_mb` must be positive. Received: shard_mb=0"):
        write_images(tmp_path, "c", "v", (), CITYSCAPES, 0)
    with pytest.raises(ValueError, match="at least one training image"):
        write_images(tmp_path, "c", "v", (), CITYSCAPES)
