"""Published weights by name: from a server on this machine to stems and label maps."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="separators and segmenters are TensorFlow graphs")
pytest.importorskip("requests", reason="requests is in the extra `convert`")
soundfile = pytest.importorskip("soundfile", reason="soundfile is in the extra `audio`")

import keras_d3  # noqa: E402
from keras_d3.cli import main  # noqa: E402
from keras_d3.convert import official_wave_u_net_settings, pull, pull_model  # noqa: E402
from keras_d3.pretrained import ModelCache  # noqa: E402
from tests.helpers.file_server import file_server  # noqa: E402
from tests.helpers.official_d3net_segmentation import OfficialD3NetSegmentation  # noqa: E402
from tests.helpers.official_wave_u_net import OfficialWaveUNet, write_checkpoint  # noqa: E402
from tests.helpers.tiny_networks import noise  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SEPARATOR_SETTINGS = {
    "num_layers": 1,
    "num_initial_filters": 2,
    "num_frames": 60,
    "expected_sr": 8000,
    "context": True,
    "output_type": "difference",
}
SEGMENTER_SETTINGS = {
    "num_init_features": 2,
    "num_layers": [2],
    "n_blocks": [1],
    "dens_k": [2],
    "block_comp": [0.5],
    "intermediate_out_ch": [3],
    "trans_comp_factor": 2,
    "dense_n_out_layer_block": [2],
    "dilation": [True],
    "channels": 2,
    "num_classes": 19,
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An archive as that of the authors of Wave-U-Net: a small network, another one, and a system's files."""
    folder = tmp_path_factory.mktemp("authors")
    official = OfficialWaveUNet({**official_wave_u_net_settings("baseline"), **SEPARATOR_SETTINGS})
    official(np.zeros((1, official.lengths()[0], 1)))
    write_checkpoint(folder / "full_44KHz-236118", official.variables)
    other = np.random.default_rng(0).integers(0, 256, 200_000, dtype="uint8").tobytes()
    with zipfile.ZipFile(folder / "models.zip", "w") as archive:
        archive.writestr("baseline_stereo/baseline_stereo.data", other)
        for file in sorted(folder.glob("full_44KHz-236118.*")):
            archive.write(file, f"full_44KHz/{file.name}")
        archive.writestr("__MACOSX/full_44KHz/._full_44KHz-236118.index", "of the system")
    return folder / "models.zip"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_D3_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(archive, cache, tmp_path, monkeypatch):
    """A server with that archive, which the user's table names: as Wave-U-Net and as the default."""
    (tmp_path / "settings.json").write_text(json.dumps(SEPARATOR_SETTINGS))
    with file_server(content=archive.read_bytes()) as (address, behavior):
        row = {
            "address": f"{address}/models.zip",
            "file": "models.zip",
            "config": str(tmp_path / "settings.json"),
            "converter": "wave-u-net",
            "members": ["*full_44KHz/*"],
        }
        (tmp_path / "table.json").write_text(json.dumps({"wave-u-net": row, "d3net-music": row}))
        monkeypatch.setenv("KERAS_D3_MODELS", str(tmp_path / "table.json"))
        yield address, behavior


class Converted:
    """A separator that is written at once."""

    def __init__(self):
        self.metadata = {}

    def export(self, path, overwrite):
        assert overwrite
        path.mkdir(exist_ok=True)
        (path / "saved_model.pb").write_text(json.dumps(self.metadata))


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(pull, "_convert", lambda model, weights, progress: Converted())


def test_from_a_name_to_stems(server, cache, tmp_path, capsys, monkeypatch):
    """By the default of `separate`, too, which says how to get it as long as it is not there."""
    monkeypatch.chdir(tmp_path)
    assert main(["separate", "song.wav"]) == 1
    assert capsys.readouterr().err == (
        f"error: No model is named, and the default 'd3net-music' is not in the cache `{cache}`. Get it "
        "(keras-d3 pull d3net-music), or name one (--model MODEL).\n"
    )
    assert main(["pull", "d3net-music"]) == 0
    captured = capsys.readouterr()
    model = cache / "models/d3net-music"
    assert captured.out == f"{model}\n" and f"{server[0]}/models.zip" in captured.err

    song = noise(600)
    soundfile.write("song.wav", song, 8000, subtype="FLOAT")
    assert main(["separate", "song.wav", "--subtype", "FLOAT"]) == 0
    stems = keras_d3.load_separator("d3net-music").separate(song, 8000)
    assert set(stems) == {"accompaniment", "vocals"}
    for source, expected in stems.items():
        stem, _ = soundfile.read(f"stems/song/{source}.wav", dtype="float32")
        np.testing.assert_allclose(stem, expected, atol=1e-6)
    assert main(["segment", "street.png", "--model", "d3net-music", "--out", "labels"]) == 1
    assert "`model` must be a segmenter. Received: 'd3net-music', a separator." in capsys.readouterr().err

    # It says what it is.
    card = (model / "README.md").read_text()
    record = json.loads((cache / "models/d3net-music.json").read_text())
    assert "# d3net-music" in card and record["made_from"]["sha256"] in card
    assert "| 7.14 | 6.85 | 5.32 | 4.82 | 6.03 |" in card and "Source: README of the authors' code" in card
    assert (
        "Trained on MUSDB18, its 100 training songs" in card and "Apache-2.0 (sony/ai-research-code)" in card
    )


def test_a_segmenter(cache, tmp_path):
    official = OfficialD3NetSegmentation(SEGMENTER_SETTINGS)
    official(np.zeros((1, 3, 4, 4)))
    with h5py.File(tmp_path / "D3Net-S.h5", "w") as file:
        for name, tensor in official.tensors.items():
            file[name] = tensor
    (tmp_path / "settings.json").write_text(json.dumps(SEGMENTER_SETTINGS))
    with file_server(content=(tmp_path / "D3Net-S.h5").read_bytes()) as (address, _):
        row = {"address": f"{address}/D3Net-S.h5", "config": str(tmp_path / "settings.json")}
        (tmp_path / "table.json").write_text(json.dumps({"d3net-segmentation-s": row}))
        pull_model("d3net-segmentation-s", table=tmp_path / "table.json")
    labels, _ = keras_d3.load_segmenter("d3net-segmentation-s").segment(np.zeros((9, 12, 3), "uint8"))
    assert labels.shape == (9, 12)
    card = (cache / "models/d3net-segmentation-s/README.md").read_text()
    assert "one of 19 classes (road, sidewalk" in card and "| 79.90 |" in card


def test_what_is_there_is_compared_and_not_fetched(server, cache, fast, capsys):
    assert main(["pull", "wave-u-net", "d3net-music", "wave-u-net"]) == 0
    assert len(server[1].requests) == 1, "both are of one file"
    capsys.readouterr()
    assert main(["pull"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^wave-u-net +pulled +Wave-U-Net M5", listed, re.MULTILINE)
    assert re.search(r"^wave-u-net-m4 +Wave-U-Net M4", listed, re.MULTILINE)
    assert re.search(r"^deeplab-v2 +by hand +DeepLabv2", listed, re.MULTILINE) and str(cache) in listed

    (cache / "models/wave-u-net/saved_model.pb").write_text("changed")
    for command in (["pull", "wave-u-net"], ["separate", "song.wav", "--model", "wave-u-net"]):
        assert main(command) == 1
        assert (
            "is not as it was pulled: saved_model.pb changed, or not there. Make it again: keras-d3 pull "
            "wave-u-net --again" in capsys.readouterr().err
        )
    assert main(["pull", "wave-u-net", "--again"]) == 0 and len(server[1].requests) == 2
    ModelCache().check("wave-u-net")


def test_options_of_one_name(capsys):
    with pytest.raises(SystemExit):
        main(["pull", "a", "b", "--file", "c"])
    assert "--file belongs to one NAME" in capsys.readouterr().err


def test_converters_get_what_they_read(cache, tmp_path, monkeypatch):
    """The folder of D3Net's four files, DeepLabv2's checkpoint, with the configuration of the table."""
    calls = []

    def converter(name):
        return lambda weights, *settings, **progress: (
            calls.append((name, Path(weights), *settings)) or Converted()
        )

    for name in ("d3net_music_separator", "deeplab_v2_segmenter"):
        monkeypatch.setattr(pull, name, converter(name))
    with zipfile.ZipFile(tmp_path / "d3net-mss.zip", "w") as archive:
        for source in ("vocals", "drums", "bass", "other"):
            archive.writestr(f"d3net-mss/{source}.h5", source)
    pull_model("d3net-music", file=tmp_path / "d3net-mss.zip")
    (name, folder, config) = calls.pop()
    assert (name, folder.name, config) == ("d3net_music_separator", "d3net-mss", None)
    # The authors' first release: one file with all four.
    (tmp_path / "d3net-mss.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    pull_model("d3net-music", file=tmp_path / "d3net-mss.h5")
    assert calls.pop() == ("d3net_music_separator", tmp_path / "d3net-mss.h5", None)
    (tmp_path / "model.ckpt-7.index").write_text("index")
    pull_model("deeplab-v2", file=tmp_path / "model.ckpt-7")
    assert calls.pop() == ("deeplab_v2_segmenter", tmp_path / "model.ckpt-7", None)


def test_errors_name_the_page_and_the_file_by_hand(server, tmp_path):
    server[1].statuses = [404]
    with pytest.raises(FileNotFoundError, match=r"\(HTTP 404\).*page: https://github.com/f90.*--file FILE"):
        pull_model("wave-u-net")
    with pytest.raises(
        FileNotFoundError, match="'deeplab-v2' cannot be fetched by a program. The authors pu"
    ):
        pull_model("deeplab-v2")
    with pytest.raises(ValueError, match="Did you mean 'wave-u-net'"):
        pull_model("wave-unet")
    with pytest.raises(FileNotFoundError, match=r"No file at `none.zip` \(`--file`\)"):
        pull_model("wave-u-net", file="none.zip")
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(ValueError, match=r"must give a .zip file. Received: a web page"):
        pull_model("wave-u-net", file=tmp_path / "page.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ValueError, match=r"The archive `.*broken.zip` is damaged .*Get it again"):
        pull_model("wave-u-net", file=tmp_path / "broken.zip")
    with pytest.raises(ValueError, match=r"must hold \*full_44KHz/\*. Received: notes.txt"):
        pull_model("wave-u-net", file=tmp_path / "other.zip")
    assert not ModelCache().has("wave-u-net")


def test_files_by_hand_are_compared_with_the_table(cache, archive, tmp_path):
    (tmp_path / "table.json").write_text(json.dumps({"wave-u-net": {"size_bytes": 1}}))
    with pytest.raises(ValueError, match="must have size_bytes=1. Received: size_bytes="):
        pull_model("wave-u-net", file=archive, table=tmp_path / "table.json")


def test_members_stay_inside_the_folder(cache, tmp_path):
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.writestr("../../full_44KHz/model.index", "outside")
    with pytest.raises((ValueError, FileNotFoundError)):
        pull_model("wave-u-net", file=tmp_path / "models.zip")
    assert sorted(os.listdir(tmp_path)) == ["cache", "models.zip"]
    assert os.listdir(cache / "models") == ["wave-u-net.lock"]


def test_two_pulls_at_once_work_once(server, cache, fast):
    results = []
    threads = [threading.Thread(target=lambda: results.append(pull_model("wave-u-net"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [cache / "models/wave-u-net"] * 2 and len(server[1].requests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")
def test_a_killed_pull_leaves_a_part_that_the_next_one_goes_on_with(server, cache, fast):
    """SIGKILL, which nothing can clean up after."""
    sent = []

    def wait_for_the_kill():
        sent.append(None)
        if len(sent) > 20:
            time.sleep(30)

    server[1].on_piece = wait_for_the_kill
    command = [sys.executable, "-m", "keras_d3.cli", "pull", "wave-u-net"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    parts = []
    while not parts and time.monotonic() < deadline:
        time.sleep(0.1)
        parts = [path for path in cache.glob("downloads/*.part") if path.stat().st_size]
    process.send_signal(signal.SIGKILL)
    process.wait()
    server[1].on_piece = None
    there = parts[0].stat().st_size
    left = {path.name.removeprefix(parts[0].name.removesuffix(".part")) for path in parts[0].parent.iterdir()}
    assert left == {".part", ".part.json", ".lock"}
    assert os.listdir(cache / "models") == ["wave-u-net.lock"]
    pull_model("wave-u-net")
    assert server[1].requests[-1] == ("/models.zip", f"bytes={there}-")
    assert ModelCache().has("wave-u-net") and not list(cache.glob("downloads/*.part*"))


def test_what_a_killed_conversion_left_is_swept(server, cache, fast):
    pull_model("wave-u-net")
    shutil.copytree(cache / "models/wave-u-net", cache / "models/.wave-u-net.abc.tmp")
    (cache / "models/wave-u-net.json").unlink()
    pull_model("wave-u-net")
    assert sorted(os.listdir(cache / "models")) == ["wave-u-net", "wave-u-net.json", "wave-u-net.lock"]
    assert len(server[1].requests) == 1, "the file was there"


def test_a_pull_that_finds_the_model_sweeps_too(server, cache, fast):
    pull_model("wave-u-net")
    (cache / "models/.keras_d3.killed.tmp/new").mkdir(parents=True)
    pull_model("wave-u-net")
    assert sorted(os.listdir(cache / "models")) == ["wave-u-net", "wave-u-net.json", "wave-u-net.lock"]
