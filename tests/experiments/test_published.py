"""Published scores stand beside a model's only where network, data, aggregation and settings are the same."""

import re

import pytest

from keras_d3.convert import official_wave_u_net_settings
from keras_d3.data import AudioManifest, AudioSplit, AudioTrack, ImageItem, ImageManifest, ImageSplit
from keras_d3.experiments.published import (
    entry_of_model,
    find_recipe,
    published_mean_iou,
    published_sdr,
    sdr_table,
)
from keras_d3.images import CITYSCAPES
from keras_d3.settings import to_dict
from recipes.d3net_mss.config import INSTRUMENTS
from recipes.d3net_segmentation.config import RECIPE as SEGMENTATION


def songs(dataset="MUSDB18", num_songs=50, rate=44100, secs=240):
    tracks = tuple(AudioTrack(f"song {number}", rate * secs, 1, ("a",)) for number in range(num_songs))
    manifest = {"schema_version": 1, "variant": "wav", "shards": (), "generator": "", "request": {}}
    audio = {
        "channels": 2,
        "sources": INSTRUMENTS,
        "encoding": "pcm16",
        "block_samples": 1,
        "clipped_samples": 0,
    }
    return AudioManifest(dataset=dataset, splits={"test": AudioSplit(rate, tracks)}, **manifest, **audio)


def images(dataset="Cityscapes", num_images=500):
    items = tuple(ImageItem(f"{number}", 1024, 2048, "a", "gtFine") for number in range(num_images))
    manifest = {"schema_version": 1, "variant": "gtFine", "shards": (), "generator": "", "request": {}}
    labels = {"classes": CITYSCAPES.names, "palette": CITYSCAPES.palette, "ignored_label": 255}
    return ImageManifest(dataset=dataset, splits={"validation": ImageSplit(items)}, **manifest, **labels)


def official_music(sources=INSTRUMENTS, wiener=True):
    """As `keras-d3 convert d3net-music` writes it."""
    weights = {source: {"file": "w.h5", "settings": {"preset": f"d3net_{source}"}} for source in sources}
    recipe = {"recipe": "d3net_mss", "config": "official weights", "converted_from": "x", "weights": weights}
    return {"recipe": recipe, "sources": list(sources), "separation": {"wiener": wiener}}


def official_segmentation(size):
    settings = {"preset": f"d3net_segmentation_{size}"}
    weights = {"file": "w.h5", "sha256": "0", "settings": settings}
    return {"recipe": {"recipe": "d3net_segmentation", "config": "official weights", "weights": weights}}


def of_run(recipe, config):
    return {"recipe": {"run": {"recipe": recipe, "config": config}, "config": {"name": config}}}


def columns(found):
    return [item.column for item in found[0]]


def names_of(manifest):
    return [track.name for track in manifest.tracks("test")]


def test_the_network_of_a_model():
    assert entry_of_model(official_music()).config.name == "official_code"
    assert entry_of_model(official_music(("vocals",))) is None
    assert entry_of_model(official_segmentation("s")).config.name == "s_pretrained"
    assert entry_of_model(official_segmentation("l")).config.name == "l_pretrained"
    assert entry_of_model(official_segmentation("s_standard_dilation")) is None
    for name, config in (("baseline_stereo", "m4"), ("full_44KHz", "m5_high_sr"), ("baseline", None)):
        recipe = {
            "recipe": "wave_u_net",
            "weights": {"a": "0"},
            "settings": official_wave_u_net_settings(name),
        }
        entry = entry_of_model({"recipe": recipe})
        assert (entry and entry.config.name) == config
    assert entry_of_model(of_run("d3net_mss", "paper")).display_name == "D3Net (Table 5)"
    assert entry_of_model(of_run("d3net_mss", "unknown")) is None
    assert entry_of_model({"recipe": {}}) is None and entry_of_model({}) is None
    assert find_recipe("no_such_recipe") is None and find_recipe("os.path") is None


def test_official_weights_on_the_whole_of_musdb18():
    manifest, metadata = songs(), official_music()
    found = published_sdr(entry_of_model(metadata), manifest, "test", names_of(manifest), metadata)
    assert columns(found) == ["paper", "official weights"] and found[1] == ""
    summary = {"track_median": {source: {"SDR": 5.0} for source in INSTRUMENTS}, "all_frames": {}}
    lines = sdr_table(summary, found[0]).splitlines()
    assert lines[0] == "SDR in dB, median of frames, then median of tracks"
    assert lines[1].split() == ["this", "model", "paper", "official", "weights"]
    cells = {line.split()[0]: line.split()[1:] for line in lines[2:7]}
    assert cells["vocals"] == ["5.00", "7.24", "7.14"] and cells["mean"] == ["5.00", "6.01", "6.03"]
    assert lines[-1] == "official weights: MUSDB18 test; README of the official code"


@pytest.mark.parametrize(
    "manifest, metadata, quality, reason",
    [
        (songs("demo"), official_music(), "best", "on MUSDB18 test .50 songs., these on demo test"),
        (songs(num_songs=49), official_music(), "best", "these on MUSDB18 test .49 songs."),
        (songs(secs=7), official_music(), "best", "they are on MUSDB18 test"),
        (songs(rate=22050), official_music(), "best", "they are on MUSDB18 test"),
        (songs(), official_music(), "fast", "of all sources at the quality `best`"),
        (songs(), official_music(wiener=False), "best", "they are with the Wiener filter"),
        (songs(), {**of_run("wave_u_net", "m5_high_sr"), "sources": ["accompaniment", "vocals"]}, "best",
         "how they were aggregated is not stated"),
        (songs(), {**of_run("d3net_mss", "tiny"), "sources": INSTRUMENTS}, "best", "none is known"),
    ],
)  # fmt: skip
def test_anything_else_has_no_published_sdr_and_says_why(manifest, metadata, quality, reason):
    entry = entry_of_model(metadata)
    found, why = published_sdr(entry, manifest, "test", names_of(manifest), metadata, quality)
    assert found == () and re.search(reason, why), why


def test_mean_iou():
    settings = {name: to_dict(SEGMENTATION.config("s_pretrained").segmentation)[name]
                for name in ("window", "stride", "scales", "flip", "resize")}  # fmt: skip
    for size, figures in (("s", [79.5, 79.9]), ("l", [80.6, 81.0])):
        entry = entry_of_model(official_segmentation(size))
        found, why = published_mean_iou(entry, images(), "validation", settings)
        assert [item.mean_iou_percent for item in found] == figures and why == ""
    found, why = published_mean_iou(entry, images(), "validation", {**settings, "flip": True})
    assert found == () and why == "they are of other settings (flip False)."
    found, why = published_mean_iou(entry, images("scenes"), "validation", settings)
    assert found == () and "on Cityscapes val (500 images), these on scenes validation (500 images)" in why
    assert published_mean_iou(entry, images(num_images=499), "validation", settings)[0] == ()
    assert published_mean_iou(None, images(), "validation", settings) == ((), "none is known for this model.")
