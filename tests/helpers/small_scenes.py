"""Records of a few small generated scenes, for tests that need real TFRecords of images."""

from keras_d3.images.label_sets import CITYSCAPES
from tfrecords_tools.cityscapes import list_cityscapes
from tfrecords_tools.image_writer import write_images
from tfrecords_tools.scenes import make_scenes

SIZE, SEED = (48, 96), 3


def make_street_root(folder):
    """Writes four training and three validation scenes in Cityscapes' layout; returns the folder."""
    return make_scenes(folder, num_train=4, num_val=3, height=SIZE[0], width=SIZE[1], seed=SEED)


def make_street_records(folder):
    """Writes the scenes and their records below `folder`; returns the directory of the records."""
    images = list_cityscapes(make_street_root(folder / "scenes"))
    write_images(folder / "records", "scenes", "gtFine", images, CITYSCAPES, shard_mb=0.04, num_workers=1)
    return folder / "records"
