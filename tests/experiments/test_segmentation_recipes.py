"""The tiny networks of the segmentation recipes learn generated scenes, each way of smoothing."""

import pytest

from keras_d3.experiments import score_segmentation_run
from keras_d3.images.label_sets import CITYSCAPES
from keras_d3.training import train
from recipes.d3net_segmentation.config import RECIPE as D3NET
from recipes.smoothed_dilated.config import RECIPE as SMOOTHED
from tfrecords_tools.cityscapes import list_cityscapes
from tfrecords_tools.image_writer import write_images
from tfrecords_tools.scenes import make_scenes


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The scenes of `python -m tfrecords_tools scenes`, fewer of them."""
    folder = tmp_path_factory.mktemp("scenes")
    images = list_cityscapes(make_scenes(folder / "scenes", num_train=48, num_val=8))
    write_images(folder / "records", "scenes", "gtFine", images, CITYSCAPES)
    return folder / "records"


@pytest.mark.large
@pytest.mark.parametrize(
    "recipe, name, least",
    [
        (D3NET, "tiny", 0.4),
        (D3NET, "tiny_d_resnet_50_fcn", 0.2),
        (SMOOTHED, "tiny", 0.25),
        (SMOOTHED, "tiny_group_interaction", 0.25),
        (SMOOTHED, "tiny_separable_shared", 0.25),
    ],
    ids=["d3net", "d_resnet", "deeplab", "group_interaction", "separable_shared"],
)
def test_tiny_networks_learn(recipe, name, least, records, tmp_path):
    """A third of the recipe's training. Chance is a few percent: most pixels are road, sky and building."""
    epochs = recipe.config(name).training.stages[0].epochs // 3
    config = recipe.config(name, overrides=(f"training.stages.0.epochs={epochs}",))
    train(config, records, tmp_path / "run", verbose=0)
    scores, _ = score_segmentation_run(tmp_path / "run", records)
    assert scores["mean_iou"] > least
