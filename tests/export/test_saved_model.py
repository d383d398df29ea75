import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.export import saved_model as export
from keras_d3.separation import Separator, load_separator, read_separator_metadata
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_conv,
    noise,
    spectrogram_settings,
    waveform_conv,
    waveform_settings,
)

LENGTHS = (1, 63, 64, 500, 2001)
MAKERS = {
    "tiled": lambda: Separator(waveform_conv(90, 64), waveform_settings(), {"recipe": {"name": "tiny"}}),
    "crossfaded": lambda: Separator(waveform_conv(), waveform_settings(windows_per_batch=2)),
    "half precision": lambda: Separator(waveform_conv(dtype="mixed_bfloat16"), waveform_settings(clip=True)),
    "spectrogram": lambda: Separator(
        {source: magnitude_conv(33, seed=seed) for seed, source in enumerate(SOURCES)},
        spectrogram_settings(wiener=True, wiener_block_secs=0.1, flip_channels=True),
    ),
}


@pytest.fixture(scope="module", params=MAKERS)
def exported(request, tmp_path_factory):
    separator = MAKERS[request.param]()
    path = separator.export(tmp_path_factory.mktemp("export") / "separator")
    return separator, path


def test_saved_model_equals_memory(exported):
    separator, path = exported
    loaded = load_separator(path)
    assert loaded.sources == separator.sources and loaded.metadata == separator.metadata
    for num_samples in LENGTHS:
        song = noise(num_samples)
        expected = separator.separate(song, 8000)
        for stems in (
            loaded.separate(song, 8000),
            loaded.separate(song, 8000, on_progress=lambda share: None),
        ):
            for source in SOURCES:
                assert stems[source].shape == song.shape
                np.testing.assert_allclose(stems[source], expected[source], atol=1e-5)


def test_both_qualities_travel_along(exported):
    separator, path = exported
    loaded, song = load_separator(path), noise(500)
    expected = separator.separate(song, 8000, quality="fast")
    best = separator.separate(song, 8000)
    for progress in (None, lambda share: None):
        stems = loaded.separate(song, 8000, progress, quality="fast")
        for source in SOURCES:
            np.testing.assert_allclose(stems[source], expected[source], atol=1e-5)
    # A network with context has no overlap that could be left out.
    is_tiled = separator._graph.separate_fast is separator._graph.separate
    assert is_tiled == all(np.array_equal(best[source], stems[source]) for source in SOURCES)
    with pytest.raises(ValueError, match="`quality` must be one of 'best', 'fast'. Received: quality='good'"):
        loaded.separate(song, 8000, quality="good")


PLAIN_TENSORFLOW = """
import sys

# Makes every import of these fail.
sys.modules.update({"keras": None, "keras_d3": None, "tf_keras": None})
import numpy as np
import tensorflow as tf

separate = tf.saved_model.load(sys.argv[1]).signatures["separate"]
(spec,) = separate.structured_input_signature[1].values()
assert spec.name == "mixture" and spec.dtype == tf.float32 and spec.shape.as_list() == [None, 2]
with np.load(sys.argv[2]) as songs:
    for name in songs:
        stems = separate(mixture=tf.constant(songs[name]))
        np.savez(f"{sys.argv[3]}/{name}.npz", **stems)
assert sys.modules["keras"] is None and sys.modules["keras_d3"] is None
"""


def test_plain_tensorflow_runs_it(exported, tmp_path):
    separator, path = exported
    songs = {f"song{num_samples}": noise(num_samples) for num_samples in LENGTHS}
    np.savez(tmp_path / "songs.npz", **songs)
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_TENSORFLOW, str(path), str(tmp_path / "songs.npz"), str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name, song in songs.items():
        expected = separator.separate(song, 8000)
        with np.load(tmp_path / f"{name}.npz") as stems:
            assert set(stems) == set(SOURCES)
            for source in SOURCES:
                assert stems[source].dtype == np.float32
                np.testing.assert_allclose(stems[source], expected[source], atol=1e-5)


def test_metadata_travel_along(exported):
    separator, path = exported
    metadata = read_separator_metadata(path)
    assert metadata == json.loads((path / "assets.extra" / "metadata.json").read_text())
    assert metadata["sample_rate_hz"] == 8000 and metadata["sources"] == list(SOURCES)
    assert metadata["separation"]["kind"] == separator.config.kind
    assert metadata["tensorflow_version"] == tf.__version__
    assert {"commit", "keras_d3_version", "keras_version", "recipe", "stft", "channels"} <= set(metadata)


@pytest.fixture(scope="module")
def small():
    return MAKERS["tiled"]()


def test_export_replaces_only_when_asked(small, tmp_path):
    path = tmp_path / "deep" / "separator"
    small.export(path, check=False)
    with pytest.raises(FileExistsError, match="exists already"):
        small.export(path, check=False)
    small.export(path, overwrite=True, check=False)
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="is no SavedModel, so it is not overwritten"):
        small.export(tmp_path / "mine", overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["deep", "mine"] and os.listdir(tmp_path / "deep") == ["separator"]


def test_paths_with_brackets(small, tmp_path):
    # TensorFlow takes them for patterns of file names.
    path = tmp_path / "runs [lr=1e-3]" / "d3net*[v1]"
    small.export(path)
    assert load_separator(path).sources == small.sources


@pytest.mark.parametrize("is_disabled", [False, True])
def test_the_check_leaves_the_optimization_of_graphs_as_it_was(small, tmp_path, is_disabled):
    options = tf.config.optimizer
    try:
        options.set_experimental_options({"disable_meta_optimizer": is_disabled})
        small.export(tmp_path / "model")
        assert options.get_experimental_options()["disable_meta_optimizer"] is is_disabled
    finally:
        options.set_experimental_options({"disable_meta_optimizer": False})


def test_failed_export_leaves_nothing(small, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="The SavedModel gives another 'drums' than the networks in"):
        small.export(tmp_path / "separator")
    monkeypatch.setitem(small.metadata, "recipe", {"rate": float("nan")})
    with pytest.raises(ValueError):
        small.export(tmp_path / "separator", check=False)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_sentence(small, tmp_path):
    """A limit of a file's size stands for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OSError, match="separator` could not be written: .*too large.* Free the disk"):
            small.export(tmp_path / "separator", check=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_paths_that_are_no_separator(small, tmp_path):
    with pytest.raises(FileNotFoundError, match="No SavedModel at .*nothing.*Make one by `keras-d3 export`"):
        load_separator(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="No SavedModel at"):
        load_separator(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(FileNotFoundError, match="No separator's metadata at .*made by `keras-d3 export`"):
        load_separator(tmp_path / "other")


def test_a_saved_model_has_one_variable_and_two_functions_more_than_its_networks(small, tmp_path):
    module = tf.saved_model.load(str(small.export(tmp_path / "separator", check=False)))
    assert set(module.signatures) == {"separate", "separate_fast", "serving_default"}
    module.signatures["separate"](mixture=tf.constant(noise(300)))
    assert module.progress.numpy() == 1


def test_the_default_signature_is_separate(exported):
    _, path = exported
    signatures, song = tf.saved_model.load(str(path)).signatures, tf.constant(noise(500))
    default = signatures["serving_default"]
    (spec,) = default.structured_input_signature[1].values()
    assert spec.name == "mixture" and spec.shape.as_list() == [None, 2]
    stems, expected = default(mixture=song), signatures["separate"](mixture=song)
    assert set(stems) == set(SOURCES)
    for source in SOURCES:
        np.testing.assert_array_equal(stems[source], expected[source])


def damage_metadata(path, **changes):
    """Changes metadata as one who does it on purpose."""
    (path / "assets.extra" / "checksums.json").unlink(missing_ok=True)
    file = path / "assets.extra" / "metadata.json"
    metadata = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in metadata.items() if value is not None}))


def test_damaged_separators(small, tmp_path):
    path = small.export(tmp_path / "separator", check=False)
    damage_metadata(path, sources=["drums", "bass"])
    with pytest.raises(ValueError, match="must have the outputs its metadata name"):
        load_separator(path)
    damage_metadata(path, schema_version=99)
    with pytest.raises(ValueError, match="has metadata of schema version 99"):
        load_separator(path)
    damage_metadata(path, sources=None)
    with pytest.raises(ValueError, match="must have the entries schema_version, sample_rate_hz"):
        load_separator(path)
    (path / "assets.extra" / "metadata.json").write_text("{")
    with pytest.raises(ValueError, match="is not valid JSON"):
        load_separator(path)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
def test_damaged_graph_or_weights(small, tmp_path, file):
    path = small.export(tmp_path / "separator", check=False)
    content = (path / file).read_bytes()
    (path / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cannot be loaded as a separator: .*Make it again by"):
        load_separator(path)
