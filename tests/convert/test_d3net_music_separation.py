"""The command line from the authors' kind of weight files to stems, against NumPy around the networks."""

import functools
import json
import logging
import shutil

import h5py
import numpy as np
import pytest
import soundfile

from keras_d3 import separation
from keras_d3.cli import main
from keras_d3.convert import d3net_music_from_official
from keras_d3.convert.d3net_music_separation import d3net_music_separator
from keras_d3.export import saved_model
from keras_d3.separation import read_separator_metadata
from keras_d3.settings import SpectrogramSeparatorConfig
from keras_d3.utils.files import sha256_of_file
from tests.convert.test_d3net_music import GOLDEN, H5
from tests.helpers.official_d3net import OfficialD3Net, write_scope
from tests.helpers.tiny_networks import noise
from tests.helpers.whole_song import reference_stems

TARGETS = ("bass", "drums", "other", "vocals")
PATCHES = {"bass": (12, 6), "drums": (8, 4), "other": (8, 4), "vocals": (8, 4)}
# Small enough for four networks.
SMALL = {
    "fft_size": 62,
    "hop_size": 31,
    "n_channels": 2,
    "valid_signal_idx": 28,
    "band_split_idxs": [8],
    "num_init_features": [3, 2],
    "dens_k": [[3], [2]],
    "num_layer_blocks": [[2], [1]],
    "b_n_blocks": [[2], [1]],
    "comp_rates": [[], []],
    "f_num_init_features": 2,
    "f_dens_k": [3],
    "f_num_layer_block": [1],
    "f_n_blocks": [1],
    "f_comp_rates": [],
    "ttl_dens_k": 2,
    "ttl_num_layer_block": 1,
}


def small_tensors(seed):
    official = OfficialD3Net(SMALL, seed)
    official(np.zeros((1, 2, 2, 32)))
    return official.tensors


def golden_tensors(seed):
    """The golden file's, changed a little."""
    generator, tensors = np.random.default_rng(seed), {}

    def copy(name, item):
        if isinstance(item, h5py.Dataset):
            tensors[name] = item[()] * generator.uniform(0.9, 1.1, item.shape).astype("float32")

    with h5py.File(H5) as file:
        file["vocals"].visititems(copy)
    return tensors


def golden_settings():
    config = json.loads((GOLDEN / "d3net_music_small.json").read_text())["config"]
    return {**config, "hop_size": 42}


def write_files(root, settings, make_tensors):
    """Writes the directories `weights` and `configs`."""
    (root / "weights").mkdir()
    (root / "configs").mkdir()
    for seed, target in enumerate(TARGETS):
        write_scope(root / "weights" / f"{target}.h5", target, make_tensors(seed))
        patch_frames, patch_shift = PATCHES[target]
        text = json.dumps({**settings, "test_patch_len": patch_frames, "out_shift": patch_shift})
        # JSON is YAML, too.
        (root / "configs" / f"{target}.{'yaml' if target == 'drums' else 'json'}").write_text(text)
    return root


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("official"), SMALL, small_tensors)


def check_pipeline(saved_model, files, out_dir, monkeypatch):
    """Both qualities of a SavedModel, on the command line, against NumPy around the Keras networks."""
    networks = {}
    for target in TARGETS:
        settings = json.loads(next((files / "configs").glob(f"{target}.*")).read_text())
        model = d3net_music_from_official(settings, files / "weights" / f"{target}.h5", target)
        networks[target] = lambda inputs, model=model: model.predict(inputs, verbose=0)
    config = SpectrogramSeparatorConfig(
        *(44100, 2, TARGETS, settings["fft_size"], settings["hop_size"]),
        *(256, 128),
        source_patches=PATCHES,
        flip_channels=True,
    )
    song = noise(1000)
    soundfile.write(out_dir / "song.wav", song, 44100, subtype="FLOAT")
    # One process loads it once.
    monkeypatch.setattr(separation, "load_separator", functools.cache(separation.load_separator))
    for quality in ("best", "fast"):
        options = ["--model", str(saved_model), "--out", str(out_dir / quality), "--subtype", "FLOAT"]
        if quality != "best":
            options += ["--quality", quality]
        assert main(["separate", str(out_dir / "song.wav"), *options]) == 0
        for source, expected in reference_stems(networks, song, config.at_quality(quality)).items():
            stem, _ = soundfile.read(out_dir / quality / "song" / f"{source}.wav", dtype="float32")
            assert np.abs(expected).max() > 0.01
            np.testing.assert_allclose(stem, expected, atol=1e-5)


def convert(files, *options):
    arguments = ["--weights", str(files / "weights"), "--config", str(files / "configs")]
    return main(["convert", "d3net-music", *arguments, *options])


@pytest.fixture(scope="module")
def converted(files):
    path = files / "separator"
    with pytest.MonkeyPatch.context() as patch:
        # Compares with the graph in memory, which takes as long as all else; the tests of exports have it.
        patch.setattr(saved_model, "_check", lambda module, path, example: None)
        assert convert(files, "--out", str(path)) == 0
    return path


@pytest.mark.slow
def test_the_published_pipeline(converted, files, tmp_path, capsys, monkeypatch):
    check_pipeline(converted, files, tmp_path, monkeypatch)
    names = [str(tmp_path / "best" / "song" / f"{target}.wav") for target in TARGETS]
    assert capsys.readouterr().out.split()[: len(TARGETS)] == names


@pytest.mark.large
def test_the_published_pipeline_of_golden_networks(tmp_path, monkeypatch):
    """Takes minutes: TensorFlow prepares four deep graphs again and again."""
    files = write_files(tmp_path, golden_settings(), golden_tensors)
    assert convert(files, "--out", str(tmp_path / "separator")) == 0
    check_pipeline(tmp_path / "separator", files, tmp_path, monkeypatch)


def test_metadata_name_the_files(converted, files):
    metadata = read_separator_metadata(converted)
    weights = metadata["recipe"]["weights"]
    for target in TARGETS:
        assert weights[target]["file"] == f"{target}.h5"
        assert weights[target]["sha256"] == sha256_of_file(files / "weights" / f"{target}.h5")
        assert weights[target]["settings"]["hop_size"] == 31
    separation = metadata["separation"]
    assert separation["wiener"] and separation["flip_channels"] and separation["padding"] == "reflect"
    assert separation["source_patches"]["bass"] == [12, 6] and separation["frame_step"] == 31


def test_out_is_replaced_only_when_asked(converted, files, capsys):
    assert convert(files, "--out", str(converted)) == 1
    assert "exists already. Choose another path, or give --overwrite." in capsys.readouterr().err


def test_missing_and_extra_tensors_are_listed(files, tmp_path, capsys):
    shutil.copytree(files / "configs", tmp_path / "configs")
    (tmp_path / "weights").mkdir()
    shutil.copy(files / "weights" / "drums.h5", tmp_path / "weights")
    with h5py.File(tmp_path / "weights" / "drums.h5", "a") as file:
        del file["drums/final_dense/initial_layer/bottleneck/conv1/conv/b"]
        file["drums/stranger/W"] = np.zeros(3, "float32")
    assert convert(tmp_path, "--sources", "drums", "--out", str(tmp_path / "separator")) == 1
    message = capsys.readouterr().err
    assert "missing (1): final_dense/initial_layer/bottleneck/conv1/conv/b." in message
    assert "left over (1): stranger/W." in message
    assert not (tmp_path / "separator").exists()


def test_fewer_sources_have_no_wiener_filter(files, caplog):
    with caplog.at_level(logging.WARNING, logger="keras_d3.experiments"):
        separator = d3net_music_separator(files / "weights", files / "configs", ["vocals"])
    assert separator.sources == ("vocals",) and not separator.config.wiener
    assert "Without bass, drums, other the Wiener filter" in caplog.text


def test_one_file_with_all_scopes_and_built_in_settings(tmp_path):
    """The built-in settings are used where there are no others: these small tensors do not fit them."""
    for target in TARGETS:
        write_scope(tmp_path / "d3net-mss.h5", target, {"in_offset": np.zeros((1, 1, 1, 32))})
    lines = []
    with pytest.raises(ValueError, match=r"d3net-mss.h5`, scope 'bass' .*\(1, 1, 1, 32\).*\(2049,\)"):
        d3net_music_separator(tmp_path, progress=lines.append)
    assert lines[0] == "bass: settings of the official code"
    assert lines[-1] == f"bass: weights from {tmp_path / 'd3net-mss.h5'}"


def test_errors(files, tmp_path):
    with pytest.raises(ValueError, match="`sources` must be different ones of bass, drums, other, vocals"):
        d3net_music_separator(files / "weights", sources=["piano"])
    with pytest.raises(
        FileNotFoundError, match="No settings for bass, drums, other, vocals in `configs_dir`"
    ):
        d3net_music_separator(files / "weights", tmp_path)
    shutil.copytree(files / "configs", tmp_path / "configs")
    settings = json.loads((tmp_path / "configs" / "bass.json").read_text())
    for changes, message in (
        ({"hop_size": 15}, "`hop_size` must be the same .*bass 15, drums 31, other 31, vocals 31"),
        ({"out_shift": 5}, r"`source_patches\['bass'\]` must be .* divides the first"),
    ):
        (tmp_path / "configs" / "bass.json").write_text(json.dumps({**settings, **changes}))
        with pytest.raises(ValueError, match=message):
            d3net_music_separator(files / "weights", tmp_path / "configs")
    del settings["fft_size"]
    for target in TARGETS:
        path = next((tmp_path / "configs").glob(f"{target}.*"))
        path.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="The settings must have the official key `fft_size`"):
        d3net_music_separator(files / "weights", tmp_path / "configs")
