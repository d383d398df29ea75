"""How pipelines end: at once, and wherever a script stops."""

import subprocess
import sys

from keras_d3.data import (
    load_manifest,
    training_images,
    training_waveforms,
    validation_images,
    validation_waveforms,
)
from keras_d3.images.label_sets import CITYSCAPES
from keras_d3.images.normalization import IMAGENET_RGB
from keras_d3.settings import ImageDataConfig
from tests.data.test_training_waveforms import config
from tests.helpers.small_scenes import SIZE, make_street_records

STOPS_WITH_AN_OPEN_ITERATOR = """
import atexit
import sys
import time
from keras_d3.data import load_manifest, prefetch, training_waveforms
from keras_d3.settings import AudioDataConfig

prefetch.BATCHES_AHEAD = 1_000_000
config = AudioDataConfig(8000, 2, ("drums", "bass", "vocals"), 150, 60, shuffle_excerpts=8)

class SlowToEnd:
    def __del__(self, sleep=time.sleep):
        sleep(1)

slow_to_end = SlowToEnd()
# Functions of `atexit` run last in, first out: after the one that closes iterators.
atexit.register(lambda: print("open" if hasattr(iterator, "_iterator_resource") else "closed", flush=True))
iterator = iter(training_waveforms(load_manifest(sys.argv[1]), config, 2, 4))
next(iterator)
print("the end", flush=True)
"""


def test_a_script_that_stops_amid_batches_ends(manifest):
    """Batches are still read ahead when Python ends, and reading them takes Python.

    A variable that takes its time makes sure that one is read in between.
    """
    command = [sys.executable, "-c", STOPS_WITH_AN_OPEN_ITERATOR, str(manifest.directory)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split("\n")[:2] == ["the end", "closed"]


def test_no_pipeline_is_tuned(manifest, tmp_path):
    """TensorFlow may wait for the thread that tunes, up to a minute, before it lets go of an iterator."""
    street = load_manifest(make_street_records(tmp_path))
    settings = config()
    image_settings = ImageDataConfig(CITYSCAPES.names, SIZE, IMAGENET_RGB)
    pipelines = (
        training_waveforms(manifest, settings, 2, 4),
        validation_waveforms(manifest, settings, 2),
        training_images(street, image_settings, 2, 4),
        validation_images(street, image_settings),
    )
    for pipeline in pipelines:
        assert pipeline.options().autotune.enabled is False
        assert pipeline.options().deterministic
