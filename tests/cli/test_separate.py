"""`keras-d3 separate`: arguments, batches, exit codes."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from keras_d3.audio import write_audio
from keras_d3.cli import main
from keras_d3.cli.options import seconds
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


@pytest.fixture
def twenty_songs(tmp_path):
    """Songs as people have them, in two folders; three are bad: cut, no audio, not finite."""
    album = tmp_path / "twenty"
    kinds = [("a", "wav"), ("b", "flac"), ("c", "ogg"), ("d", "WAV")]
    names = [f"{name}{index}.{suffix}" for index in range(4) for name, suffix in kinds]
    names += [os.fsdecode(b"caf\xe9.wav"), "live/bad_cut.wav", "live/bad_nan.wav"]
    for name in names:
        (album / name).parent.mkdir(parents=True, exist_ok=True)
        song = noise(300, scale=0.05)
        song[7] = np.nan if "nan" in name else 0
        path = album / name
        subtype = {"ogg": "VORBIS", "wav": "FLOAT"}.get(path.suffix[1:].lower(), "PCM_16")
        with open(path, "wb") as file:
            soundfile.write(file, song, 8000, format=path.suffix[1:].upper(), subtype=subtype)
    cut = album / "live" / "bad_cut.wav"
    cut.write_bytes(cut.read_bytes()[:200])
    (album / "live" / "bad_page.mp3").write_bytes(b"<html>404 not found</html>")
    for name in ("cover.jpg", "._a0.wav", "__MACOSX/x.wav"):
        (album / name).parent.mkdir(exist_ok=True)
        (album / name).write_bytes(b"x")
    return album


def test_twenty_songs_of_which_three_are_bad(model, twenty_songs, tmp_path, capsysbinary):
    everything = sorted(tmp_path.rglob("*"))
    songs = [
        path for path in everything if path.is_file() and path.suffix != ".jpg" and path.stat().st_size > 1
    ]
    assert len(songs) == 20
    out, log = tmp_path / "out", tmp_path / "songs.jsonl"
    command = ["separate", str(twenty_songs), "--model", model, "--out", str(out), "--jsonl", str(log)]
    assert main(command) == 1
    captured = capsysbinary.readouterr()
    written = [Path(os.fsdecode(line)) for line in captured.out.splitlines()]
    assert len(written) == 17 * 2 and all(path.is_file() for path in written), captured.err[-3000:]
    assert out / os.fsdecode(b"caf\xe9") / "drums.wav" in written
    assert out / "d3" / "vocals.wav" in written
    # All of them are named at the end, with a reason each.
    last = captured.err.decode("utf-8", "replace").split("error: 3 of 20 songs failed:\n")[1].splitlines()
    assert [Path(line.split(": ")[0].strip()).name for line in last] == [
        "bad_cut.wav",
        "bad_page.mp3",
        "bad_nan.wav",
    ]
    assert "cut short" in last[0] and "first at sample 7" in last[2]
    # What a header tells was known before the first network ran.
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in lines[:3]] == ["failed", "failed", "separated"] and len(lines) == 20
    assert all(
        {"seconds", "peak", "clipped_samples", "model", "settings"} <= set(line)
        for line in lines
        if line["status"] == "separated"
    )
    # Nothing lies elsewhere.
    others = {path for path in tmp_path.rglob("*") if out not in (path, *path.parents)}
    assert others == {*everything, log}
    assert not list(out.rglob("*.tmp"))
    assert main([*command, "--skip-existing"]) == 1
    assert b"3 of 20" in capsysbinary.readouterr().err
    assert len(log.read_text().splitlines()) == 40


def test_files_that_are_there_are_not_replaced(model, album, tmp_path, capsys):
    arguments = [str(album / "a.wav"), "--model", model, "--out", str(tmp_path), "--name", "{song}_{stem}"]
    assert main(["separate", *arguments]) == 0
    assert {"a_drums.wav", "a_vocals.wav"} <= set(os.listdir(tmp_path))
    assert main(["separate", *arguments]) == 1
    expected = "a_drums.wav` exists already, as do 1 more. Choose another path, or give --overwrite or --skip"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--threads", "0"], "`--threads` must be at least 1. Received: --threads 0"),
        (["--skip-existing", "--overwrite"], "`--skip-existing` and `--overwrite` contradict each other"),
        (["--clip", "none"], "`clip` 'none' needs a format"),
        (["--format", "mp3", "--subtype", "FLOAT"], "`subtype` is a setting of wav and flac"),
        (["--name", "../{stem}"], "`name` must be a path below the output directory"),
        (["--jsonl", "/dev/null/songs"], "/dev/null"),
        (["--out", "/dev/null"], "`--out` must be a directory. Received: --out /dev/null, a file."),
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


def test_songs_that_cannot_be_read_need_no_framework(model, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"")
    code = f"""
import sys
from keras_d3.cli import main
command = ["separate", "bad.wav", "--model", {model!r}, "--out", "o"]
assert main(command) == 1
assert main([*command, "--runtime", "onnxruntime"]) == 1
assert main([*command, "--precision", "bf16"]) == 1
sys.exit(", ".join(sorted({{"tensorflow", "keras"}} & set(sys.modules))) or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "1 of 1 songs failed" in done.stderr, done.stderr
    assert "has no networks for ONNX Runtime. Make it again by `keras-d3 export --with-onnx`" in done.stderr
    assert "has no networks for OpenVINO. Make it again by `keras-d3 export --with-openvino`" in done.stderr


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


def test_times():
    assert [seconds(text) for text in ("90", "1:30", "0:01:30.5", "0")] == [90, 90, 90.5, 0]
    for text in ("-1", "1:2:3:4", "x", "inf", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="must be seconds, M:SS or H:MM:SS"):
            seconds(text)


def test_parts_of_the_songs_are_separated_by_several_calls(model, album, tmp_path, capsys):
    write_audio(album / "b.wav", noise(300, scale=0.05), 8000)
    command = ["separate", str(album), "--model", model, "--out", str(tmp_path / "out")]
    for number, songs in enumerate((["a", "c"], ["a", "b", "c"]), 1):
        assert main([*command, "--shard", f"{number}/2"]) == 0
        assert [path.name for path in sorted((tmp_path / "out").glob("[abc]"))] == songs
    assert main([*command, "--shard", "4/4"]) == 0
    assert "Part 4/4: 0 of 3 songs." in capsys.readouterr().err
    assert main([*command, "--shard", "1/2", "--format", "flac"]) == 1
    error = capsys.readouterr().err
    assert "holds stems of other settings (file_format: 'wav' there, 'flac' asked for" in error


@pytest.mark.parametrize("shard", ["1/3", "2/3"])
def test_songs_of_all_parts_must_not_replace_each_other(model, album, tmp_path, capsys, shard):
    command = ["separate", str(album), "--model", model, "--out", str(tmp_path / "out")]
    assert main([*command, "--name", "{stem}", "--shard", shard]) == 1
    assert "would both write" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_what_is_no_part_or_no_runner_is_refused_before_any_work(tmp_path, capsys, monkeypatch):
    command = ["separate", "no song", "--model", "no model", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit):
        main([*command, "--shard", "3/2"])
    assert "`--shard` must be K/N with K from 1 to N, such as 2/8. Received: 3/2." in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert main([*command, "--runner", "DirectRunner"]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert "`--runner` needs the package `apache_beam.runners.runner`" in error
    assert "--constraint constraints-beam.txt --editable '.[beam]'" in error
