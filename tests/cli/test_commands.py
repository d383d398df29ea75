"""Parsers: help without TensorFlow, choices that are the library's, values that are read, outputs kept."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from keras_d3.cli import build_parser, main
from keras_d3.cli.options import check_out, comma_separated_numbers, height_and_width
from tests.helpers.songs import RATE_HZ, make_estimates, make_stems, write_stems

ROOT = Path(__file__).resolve().parents[2]


def subcommands(parser, prefix=()):
    """Yields the words of every command, those with commands of their own included."""
    yield prefix
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from subcommands(child, (*prefix, name))


COMMANDS = list(subcommands(build_parser()))


def test_names_of_the_commands():
    assert [words[0] for words in COMMANDS if len(words) == 1] == [
        "models",
        "pull",
        "separate",
        "segment",
        "evaluate",
        "export",
        "convert",
        "erf",
        "filter-norms",
    ]


def test_help_imports_no_framework():
    code = f"""
import sys
from keras_d3.cli import main
for words in {COMMANDS!r}:
    try:
        main([*words, "--help"])
    except SystemExit as done:
        assert done.code == 0
sys.exit(", ".join(sorted({{"tensorflow", "keras", "matplotlib"}} & set(sys.modules))) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: keras-d3 convert wave-u-net" in done.stdout


@pytest.mark.parametrize(
    "arguments, unwanted",
    [
        (["--help"], {"numpy", "keras_d3.settings", "keras_d3.cli.options"}),
        (["no-command"], {"numpy", "keras_d3.settings", "keras_d3.cli.options"}),
        (["models"], {"keras_d3.cli.options", "keras_d3.models"}),
        (["separate"], {"keras_d3.cli.segment", "keras_d3.separation.separator", "soundfile"}),
    ],
)
def test_a_command_loads_what_it_needs(arguments, unwanted):
    code = f"""
import sys
from keras_d3.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
sys.exit(", ".join(sorted({unwanted!r} & set(sys.modules))) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["models"], 0, "d3net_vocals"),
        (["models", "wave_u_net_x"], 1, "Did you mean 'wave_u_net_m"),
        (["erf", "wave_u_net_x", "--out", "new"], 1, "Did you mean 'wave_u_net_m"),
        (["separate", __file__, "--model", "nothing", "--out", "new"], 1, "No SavedModel at `nothing`"),
        (["segment", "a.png", "--model", "nothing", "--out", "new"], 1, "No SavedModel at `nothing`"),
    ],
)
def test_lists_and_errors_import_no_framework(arguments, code, message):
    program = f"""
import sys
from keras_d3.cli import main
code = main({arguments!r})
assert not {{"tensorflow", "keras"}} & set(sys.modules), "a framework"
sys.exit(code)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code and message in done.stdout + done.stderr, done.stderr


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "keras_d3.cli", "separate", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.startswith("usage: keras-d3 separate")


def test_options_of_scores_are_arguments_of_score_directory(capsys):
    """`recipes.compare` has those alone that change no score."""
    import inspect

    from keras_d3.cli.options import add_scoring, scoring_options
    from keras_d3.evaluation import score_directory

    parser = argparse.ArgumentParser()
    add_scoring(parser)
    parameters = inspect.signature(score_directory).parameters
    for name, value in scoring_options(parser.parse_args([])).items():
        assert value == parameters[name].default, name
    given = ["--stems", "two", "--metrics", "si_sdr,museval", "--workers", "3", "--backend", "shared"]
    assert scoring_options(parser.parse_args(given)) == {
        "num_workers": 3,
        "backend": "shared",
        "accompaniment": False,
        "stems": "two",
        "metrics": ("si_sdr", "museval"),
    }
    for wrong, message in (
        (["--metrics", "sdr"], "must be among museval, song_sdr, si_sdr, with ',' between. Received: 'sdr'"),
        (["--accompaniment", "--stems", "two"], "--stems: not allowed with argument --accompaniment"),
    ):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
        assert message in capsys.readouterr().err
    parser = argparse.ArgumentParser()
    add_scoring(parser, choices=False)
    assert set(vars(parser.parse_args([]))) == {"workers", "backend"}


@pytest.mark.slow
def test_evaluate_takes_the_options_of_scores(tmp_path, capsys):
    pytest.importorskip("museval")
    stems = make_stems(("bass", "drums", "vocals"), num_samples=RATE_HZ, channels=1)
    write_stems(tmp_path / "references/song", stems)
    write_stems(tmp_path / "estimates/song", make_estimates(stems))
    command = ["evaluate", "--references", str(tmp_path / "references"), "--backend", "shared"]
    command += ["--estimates", str(tmp_path / "estimates"), "--out", str(tmp_path / "scores")]
    assert main([*command, "--accompaniment", "--metrics", "museval,song_sdr"]) == 0
    out = capsys.readouterr().out
    assert "accompaniment  SAR" in out and "accompaniment    song_sdr" in out
    assert main([*command, "--stems", "two", "--metrics", "si_sdr"]) == 0
    out = capsys.readouterr().out
    assert "accompaniment    si_sdr" in out and "drums" not in out and "SAR" not in out
    assert main([*command, "--sources", "bass,drums", "--accompaniment"]) == 1
    assert "Track 'song': `accompaniment=True` needs a source 'vocals'" in capsys.readouterr().err


def test_choices_are_those_of_the_library():
    from keras_d3.export.network_files import FORMATS
    from keras_d3.settings import NETWORK_FORMATS

    assert tuple(FORMATS) == NETWORK_FORMATS


def test_values():
    assert height_and_width("512X1024") == (512, 1024)
    assert comma_separated_numbers("0.5,1") == [0.5, 1]
    with pytest.raises(argparse.ArgumentTypeError, match="numbers with ',' between.* Received: '1;2'"):
        comma_separated_numbers("1;2")


def test_a_wrong_value_is_explained(capsys):
    command = ["convert", "d3net-segmentation", "--weights", "w.h5", "--config", "L", "--out", "model"]
    with pytest.raises(SystemExit):
        main([*command, "--window", "512"])
    expected = "argument --window: must be HEIGHTxWIDTH, such as 512x1024. Received: '512'."
    assert expected in capsys.readouterr().err


def test_nothing_is_replaced_unasked(tmp_path):
    (tmp_path / "there").mkdir()
    options = argparse.Namespace(overwrite=False)
    check_out(options, tmp_path / "new")
    with pytest.raises(FileExistsError, match="there` exists already. Choose another path, or give --over"):
        check_out(options, tmp_path / "new", tmp_path / "there")
    check_out(argparse.Namespace(overwrite=True), tmp_path / "there")


@pytest.mark.parametrize(
    "arguments, there",
    [
        (["separate", "a/song.wav", "--model", "model", "--out", "out"], "out/song"),
        (["segment", "a/street.png", "--model", "model", "--out", "out"], "out/street_labels.png"),
    ],
)
def test_results_are_replaced_only_when_asked(arguments, there, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path(there).mkdir(parents=True)
    assert main(arguments) == 1
    assert f"`{there}` exists already." in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 1
    assert "model" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["recipes.claims", "recipes.compare", "recipes.tables"])
def test_help_of_commands_on_all_recipes_imports_no_framework(module):
    code = f"""
import runpy, sys
sys.argv = [{module!r}, "--help"]
try:
    runpy.run_module({module!r}, run_name="__main__")
except SystemExit:
    pass
sys.exit(", ".join(sorted({{"tensorflow", "keras"}} & set(sys.modules))) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"usage: python -m {module}" in done.stdout


def test_settings_of_segmenters_are_not_for_separators(tmp_path, capsys):
    pytest.importorskip("tensorflow")
    from keras_d3.runs import Run
    from tests.helpers.training_configs import waveform_config

    Run(tmp_path).claim(waveform_config())
    assert main(["export", "--run-dir", str(tmp_path), "--flip", "--scales", "1,2"]) == 1
    assert (
        "must be a run on images for `--scales`, `--flip`. Received: a run on audio."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("module", ["recipes.demo", "benchmarks.__main__"])
def test_help_of_other_commands_imports_no_framework(module):
    code = f"""
import sys
from {module} import build_parser
print(build_parser().format_help())
if {module!r} == "benchmarks.__main__":
    for suite in ("d3net_music", "mm_dense_net"):
        build_parser(suite)
sys.exit(", ".join(sorted({{"tensorflow", "keras"}} & set(sys.modules))) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"usage: python -m {module.removesuffix('.__main__')}" in done.stdout
