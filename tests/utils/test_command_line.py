"""What commands meet on a user's machine: settings of other projects, other encodings, full disks."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_d3.utils import run_reporting_errors
from keras_d3.utils.keras_settings import keras_json
from keras_d3.utils.printing import print_any_character

ROOT = Path(__file__).resolve().parents[2]


def raising(error):
    def command():
        raise error

    return command


def run_python(code, **variables):
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=120)


COMMAND = "import sys\nfrom keras_d3.utils import run_reporting_errors\n"


@pytest.fixture
def settle(tmp_path, monkeypatch, capsys):
    """Runs a command under a `keras.json`; returns exit code, KERAS_BACKEND and what was said."""

    def run(settings, backend=None):
        text = settings if isinstance(settings, str) else json.dumps(settings)
        (tmp_path / "keras.json").write_text(text)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        # As in a fresh process.
        monkeypatch.delitem(sys.modules, "keras", raising=False)
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if backend:
            monkeypatch.setenv("KERAS_BACKEND", backend)
        code = run_reporting_errors(lambda: None)
        found = os.environ.get("KERAS_BACKEND")
        monkeypatch.setenv("KERAS_BACKEND", "")
        return code, found, capsys.readouterr().err

    return run


@pytest.mark.parametrize("backend", ["theano", "mxnet", "cntk", 3])
def test_a_backend_of_another_project_is_replaced(settle, backend):
    code, used, said = settle({"backend": backend})
    assert (code, used) == (0, "tensorflow")
    assert f"keras.json` asks for the Keras backend {backend!r}, which is not installed" in said


@pytest.mark.parametrize("settings", [{"backend": "tensorflow"}, {}, "no JSON", {"floatx": "float16"}])
def test_settings_that_keras_takes_are_left_alone(settle, settings):
    assert settle(settings) == (0, None, "")


def test_a_backend_that_the_user_asks_for_must_be_there(settle):
    code, _, said = settle({}, backend="theano")
    assert code == 1 and len(said.splitlines()) == 1
    assert "error: The environment variable KERAS_BACKEND must name an installed backend" in said
    assert "Received: KERAS_BACKEND='theano'" in said
    assert settle({"backend": "theano"}, backend="tensorflow") == (0, "tensorflow", "")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"floatx": "float8"},
            "must have 'floatx' among float16, float32, float64. Received: floatx='float8'",
        ),
        ({"image_data_format": "th"}, "'image_data_format' among channels_last, channels_first"),
        ({"epsilon": 1}, "must have a float as 'epsilon'. Received: epsilon=1"),
        ([], "must be a JSON object"),
    ],
)
def test_settings_that_keras_refuses_are_one_sentence(settle, tmp_path, settings, reason):
    code, _, said = settle(settings)
    assert code == 1 and len(said.splitlines()) == 1
    assert str(tmp_path / "keras.json") in said and reason in said


def test_the_place_of_the_settings(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keras_json() == tmp_path / ".keras" / "keras.json"
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    assert keras_json() == Path("/tmp/.keras/keras.json")


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("ascii", b"a inf ? \xe9 +-\n"),
        ("latin-1", b"a inf \xfc \xe9 \xb1\n"),
        ("utf-8", "a ∞ ü ".encode() + b"\xe9 \xc2\xb1\n"),
    ],
)
def test_standard_output_takes_any_character(encoding, printed):
    code = f"{COMMAND}sys.exit(run_reporting_errors(print, 'a \u221e \xfc \\udce9 \xb1'))"
    done = run_python(code, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout) == (0, printed)


def test_streams_that_cannot_be_changed_stay():
    print_any_character(None)
    print_any_character(io.StringIO())
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", errors="ignore")
    print_any_character(stream)
    assert stream.errors == "ignore"


def test_memory_and_interruption(capsys):
    assert run_reporting_errors(raising(MemoryError("Unable to allocate 9 GiB"))) == 1
    assert "error: the memory is not enough (Unable to allocate 9 GiB)" in capsys.readouterr().err
    assert run_reporting_errors(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted; the same command goes on where it stopped\n"
    with pytest.raises(KeyError):
        run_reporting_errors(raising(KeyError("a defect")))


def test_errors_of_tensorflow_are_one_sentence(capsys):
    tf = pytest.importorskip("tensorflow")
    for error, sentence in (
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\n node x"),
            "memory is not enough",
        ),
        (tf.errors.ResourceExhaustedError(None, None, "a/b; No space left on device"), "the disk is full"),
        (tf.errors.DataLossError(None, None, "corrupted record"), "TensorFlow failed: corrupted record"),
    ):
        assert run_reporting_errors(raising(error)) == 1
        said = capsys.readouterr().err
        assert sentence in said and len(said.splitlines()) == 1
