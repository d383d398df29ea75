"""All runtimes give the same stems, and "auto" takes the fastest of those that are there."""

import importlib.util
import json
import shutil

import numpy as np
import pytest

from keras_d3.audio import write_audio
from keras_d3.cli import main
from keras_d3.pretrained import CACHE_VARIABLE
from keras_d3.separation import Separator, choose_runtime, load_separator, runtime_choice
from keras_d3.settings import RUNTIME_PACKAGES
from keras_d3.utils import num_cores
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_conv,
    noise,
    spectrogram_settings,
    waveform_conv,
    waveform_settings,
)

pytestmark = pytest.mark.slow

THERE = {
    "onnxruntime": all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime", "tf2onnx")),
    "openvino": importlib.util.find_spec("openvino") is not None,
}
MAKERS = {
    "waveform": lambda: Separator(waveform_conv(90, 64), waveform_settings()),
    "spectrogram": lambda: Separator(
        {source: magnitude_conv(33, seed=seed) for seed, source in enumerate(SOURCES)},
        spectrogram_settings(source_patches={"vocals": (12, 6)}, flip_channels=True, wiener=True),
    ),
}


@pytest.fixture(scope="module", params=MAKERS)
def saved_model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("separator") / "saved_model"
    return MAKERS[request.param]().export(
        path, check=False, openvino=THERE["openvino"], onnx=THERE["onnxruntime"]
    )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("runtime", RUNTIME_PACKAGES)
@pytest.mark.parametrize("quality", ["best", "fast"])
def test_stems_are_those_of_tensorflow(saved_model, runtime, quality):
    if not THERE[runtime]:
        pytest.skip(f"{runtime} is in the extra `export`")
    song = noise(2000, scale=0.1)
    expected = load_separator(saved_model, "tensorflow").separate(song, 8000, quality=quality)
    separator = load_separator(saved_model, runtime, num_threads=2)
    assert separator.runtime == runtime
    found = separator.separate(song, 8000, quality=quality)
    for source in SOURCES:
        np.testing.assert_allclose(found[source], expected[source], atol=1e-5)


@pytest.mark.parametrize("saved_model", ["waveform"], indirect=True)
def test_auto_takes_what_the_model_carries(saved_model, tmp_path):
    plain = shutil.copytree(saved_model, tmp_path / "plain")
    for file_format in ("onnx", "openvino"):
        shutil.rmtree(plain / "assets.extra" / file_format, ignore_errors=True)
    (plain / "assets.extra" / "checksums.json").unlink()
    assert load_separator(plain, num_threads=1).runtime == "tensorflow"
    with pytest.raises(FileNotFoundError, match="no networks for ONNX Runtime. .*--with-onnx`"):
        load_separator(plain, "onnxruntime")
    with pytest.raises(FileNotFoundError, match="no networks for OpenVINO. .*--with-openvino`"):
        load_separator(plain, precision="bf16")
    for runtime, file_format in (("onnxruntime", "onnx"), ("openvino", "openvino")):
        if THERE[runtime]:
            one = shutil.copytree(plain, tmp_path / runtime)
            folder = saved_model / "assets.extra" / file_format
            shutil.copytree(folder, one / "assets.extra" / file_format)
            assert load_separator(one).runtime == runtime


@pytest.mark.skipif(not all(THERE.values()), reason="needs the extra `export`")
@pytest.mark.parametrize("saved_model", ["spectrogram"], indirect=True)
def test_of_two_the_faster_one_is_found_once(saved_model, cache, monkeypatch):
    calls = []

    def time(path, network, candidates, num_threads):
        calls.append((network, candidates, num_threads))
        return {"onnxruntime": 2.0, "openvino": 1.0}

    measured = runtime_choice._time(saved_model, "drums", ("onnxruntime", "openvino"), 1)
    assert set(measured) == {"onnxruntime", "openvino"} and min(measured.values()) > 0
    monkeypatch.setattr(runtime_choice, "_time", time)
    assert choose_runtime(saved_model, "drums") == "openvino"
    assert choose_runtime(saved_model, "drums") == "openvino"
    assert calls == [("drums", ("onnxruntime", "openvino"), num_cores())]
    assert choose_runtime(saved_model, "drums", num_threads=7) == "openvino" and len(calls) == 2
    (first, _) = json.loads((cache / "runtimes.json").read_text()).values()
    assert first["runtime"] == "openvino" and first["secs"]["onnxruntime"] == 2.0 and first["processor"]
    # What cannot be read is no choice, and what cannot be written is no error.
    (cache / "runtimes.json").write_text("{")
    assert choose_runtime(saved_model, "drums") == "openvino" and len(calls) == 3
    monkeypatch.setenv(CACHE_VARIABLE, "/dev/null/cache")
    assert choose_runtime(saved_model, "drums") == "openvino" and len(calls) == 4


@pytest.mark.skipif(not THERE["onnxruntime"], reason="needs the extra `export`")
@pytest.mark.parametrize("saved_model", ["waveform"], indirect=True)
def test_the_command_says_which_runtime_it_took(saved_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runtime_choice, "carried_runtimes", lambda path: ("onnxruntime",))
    write_audio(tmp_path / "song.wav", noise(300, scale=0.1), 8000)
    log = tmp_path / "songs.jsonl"
    command = ["separate", str(tmp_path / "song.wav"), "--model", str(saved_model), "--jsonl", str(log)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert json.loads(log.read_text())["model"]["runtime"] == "onnxruntime"
    assert main(
        [*command, "--out", str(tmp_path / "again"), "--runtime", "onnxruntime", "--precision", "bf16"]
    )
    assert "`--precision` is a setting of openvino. Received: --precision bf16" in capsys.readouterr().err
