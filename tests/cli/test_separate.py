"""`keras-d3 separate`: arguments, batches, exit codes."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_d3.audio.files import write_audio
from keras_d3.cli import main
from keras_d3.cli.separate import _printable
from keras_d3.cli.stem_options import seconds
from keras_d3.separation import Separator
from tests.helpers.tiny_networks import noise, waveform_identity, waveform_settings


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    separator = Separator(waveform_identity(), waveform_settings())
    return str(separator.export(tmp_path_factory.mktemp("export") / "tiny", check=False))


@pytest.fixture
def album(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / "album").mkdir(exist_ok=True)
        write_audio(tmp_path / "album" / f"{name}.wav", noise(300, scale=0.05), 8000)
    (tmp_path / "album" / "b.wav").write_bytes(b"RIFF, but not for long")
    return tmp_path / "album"


def test_a_directory_with_a_bad_file(model, album, tmp_path, capsys):
    out, log = tmp_path / "out", tmp_path / "songs.jsonl"
    command = ["separate", str(album), "--model", model, "--out", str(out), "--jsonl", str(log)]
    assert main([*command, "--format", "flac", "--two-stems", "drums"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        str(out / song / f"{stem}.flac") for song in ("a", "c") for stem in ("drums", "no_drums")
    ]
    assert "error: 1 of 3 songs failed:" in captured.err and captured.err.count("b.wav") >= 2
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["failed", "separated", "separated"]
    assert lines[1]["model"]["path"] == model and lines[1]["settings"]["two_stems"] == "drums"
    again = [*command, "--format", "flac", "--two-stems", "drums", "--skip-existing"]
    assert main(again) == 1
    assert capsys.readouterr().err.count("skipped: ") == 2
    assert main([*command, "--overwrite", "--stems", "piano"]) == 1
    assert "`stems` must be among the model's sources" in capsys.readouterr().err
    assert main([*command, "--name", "{song}_{stem}", "--start", "9"]) == 1
    assert capsys.readouterr().err.count("nothing from the start on") >= 2


def test_files_that_are_there_are_not_replaced(model, album, tmp_path, capsys):
    arguments = [str(album / "a.wav"), "--model", model, "--out", str(tmp_path), "--name", "{song}_{stem}"]
    assert main(["separate", *arguments]) == 0
    assert {"a_drums.wav", "a_vocals.wav"} <= set(os.listdir(tmp_path))
    assert main(["separate", *arguments]) == 1
    assert "a_drums.wav` exists already. Choose another path, or give --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--threads", "0"], "`--threads` must be at least 1. Received: --threads 0"),
        (["--skip-existing", "--overwrite"], "`--skip-existing` and `--overwrite` contradict each other"),
        (["--clip", "none"], "`clip` 'none' needs a format"),
        (["--format", "mp3", "--subtype", "FLOAT"], "`subtype` is a setting of wav and flac"),
        (["--name", "../{stem}"], "`name` must be a path below the output directory"),
    ],
)
def test_errors_of_arguments_need_no_framework(arguments, message):
    code = f"""
import sys
from keras_d3.cli import main
assert main(["separate", "x.wav", "--model", "m", "--out", "o", *{arguments!r}]) == 1
sys.exit(", ".join(sorted({{"tensorflow", "keras"}} & set(sys.modules))) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and message in done.stderr, done.stderr


def test_threads(model, tmp_path):
    write_audio(tmp_path / "plain.wav", noise(300, scale=0.05), 8000)
    code = f"""
import sys, tensorflow as tf
from keras_d3.cli import main
code = main(["separate", "plain.wav", "--model", {model!r}, "--out", "o", "--threads", "1"])
assert tf.config.threading.get_intra_op_parallelism_threads() == 1
sys.exit(code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_paths_that_cannot_be_printed_are_escaped():
    assert _printable(b"caf\xe9.wav".decode("utf-8", "surrogateescape")) == "caf\\udce9.wav"
    assert _printable(Path("a/b.wav")) == "a/b.wav"


def test_times():
    assert [seconds(text) for text in ("90", "1:30", "0:01:30.5", "0")] == [90, 90, 90.5, 0]
    for text in ("-1", "1:2:3:4", "x", "inf", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="must be seconds, M:SS or H:MM:SS"):
            seconds(text)
