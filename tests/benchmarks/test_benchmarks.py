"""The benchmarks compare one function with itself, and their command writes what it says."""

import dataclasses
import json

import keras
import pytest
from keras import ops

from benchmarks import d3net_music, scale
from benchmarks import run as benchmarks_run
from benchmarks.__main__ import SUITES, build_parser, main
from benchmarks.cases import all_cases, find_cases
from benchmarks.comparison import format_comparison, read_document
from benchmarks.feeding import PEAK_FLOPS, USE
from benchmarks.memory import can_measure
from benchmarks.run import Settings, memory_summary, run_benchmarks, run_in_child
from benchmarks.steps import make_step
from benchmarks.table import format_document
from benchmarks.timing import (
    check_same_numbers,
    compare_and_time,
    difference,
    is_met,
    make_networks,
    step_differences,
    summary,
)

pytestmark = pytest.mark.slow

CASES = all_cases()


def case_named(name):
    (case,) = find_cases([name])
    if reason := case.unavailable_because(keras.backend.backend()):
        pytest.skip(reason)
    return case


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_both_forms_compute_the_same_numbers(name):
    case = case_named(name)
    networks, inputs = make_networks(case, "float32", small=True)
    for training in (False, True):
        outputs = [networks[form].function(inputs[form], training) for form in ("ours", "reference")]
        found = difference(*outputs)
        check_same_numbers(case, "float32", {"outputs": found})
        assert found["max"] > 0.1 or case.same_function, "flagged as two functions, but the numbers agree"


@pytest.mark.parametrize("name", ["dilated_1d_rate_8", "d2_block", "separable_shared_rate_4"])
def test_gradients_of_both_forms_agree(name):
    case = case_named(name)
    networks, inputs = make_networks(case, "float32", small=True)
    runs = {form: make_step("training", network) for form, network in networks.items()}
    differences = step_differences(runs, inputs)
    assert set(differences) == {"outputs", "input_gradient"}
    check_same_numbers(case, "float32", differences)
    gradients = {form: run(inputs[form])[2:] for form, run in runs.items()}
    for form, network in networks.items():
        shapes = [tuple(gradient.shape) for gradient in gradients[form]]
        assert shapes == [tuple(variable.shape) for variable in network.trainable_variables]


def test_the_training_step_returns_the_gradients_of_half_the_squared_outputs():
    case = case_named("dilated_2d_rate_2")
    networks, inputs = make_networks(case, "float32", small=True)
    network = networks["ours"]
    outputs, _, _, bias_gradient = make_step("training", network)(inputs["ours"])
    # The derivative of every output with respect to its bias is 1.
    assert difference(bias_gradient, ops.sum(outputs, axis=(0, 1, 2)))["max"] < 1e-4


def test_memory_has_a_target_in_the_d2_block_only():
    assert [case.name for case in CASES if case.memory_target] == ["d2_block"]
    assert memory_summary(30.0, 60.0, 0.75)["met"] is True
    assert memory_summary(50.0, 60.0, 0.75)["met"] is False
    assert memory_summary(50.0, 0.0, 0.75)["ratio"] is None


def test_different_functions_are_not_timed():
    case = case_named("dilated_2d_rate_4")

    def other_weights(input_shape, dtype, ours):
        network = case.make_reference(input_shape, dtype, ours)
        network.variables[0].assign(network.variables[0] * 1.01)
        return network

    wrong = dataclasses.replace(case, make_reference=other_weights)
    with pytest.raises(
        ValueError, match="`dilated_2d_rate_4` compares two different functions: their outputs"
    ):
        compare_and_time(wrong, "float32", repeats=1, warm_up=0, small=True)


def test_outputs_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"different shapes: \(2,\), \(3,\)"):
        difference(ops.zeros(2), ops.zeros(3))


def test_ratio_is_the_median_of_neighboring_runs():
    found = summary([1.0, 2.0, 4.0], [2.0, 4.0, 4.0], target=1.5)
    assert (found["ours_median_ms"], found["reference_median_ms"]) == (2.0, 4.0)
    assert found["ratio"] == 2.0 and found["ratio_quartiles"] == [1.5, 2.0] and found["met"] is True
    assert summary([1.0], [1.2], target=1.5)["met"] is False


def test_never_slower_allows_for_noise():
    assert is_met(0.97, 0.98, 1.0) and is_met(0.9, 1.0, 1.0)
    assert not is_met(0.96, 0.99, 1.0)
    assert not is_met(1.79, 2.0, 1.8)
    assert is_met(0.5, 0.5, None) is None


def test_names_are_patterns_and_unique():
    assert len({case.name for case in CASES}) == len(CASES)
    assert [case.name for case in find_cases(["dilated_2d_*"])] == [f"dilated_2d_rate_{r}" for r in (2, 4, 8)]
    assert find_cases([]) == list(CASES)


def test_unknown_case_is_named(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main(["--cases", "dilated_3d", "--out", str(out)]) == 1
    message = capsys.readouterr().err
    assert "Received: cases=dilated_3d" in message and "d2_block, " in message
    assert not out.exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threads": (0,)}, "`threads` must be an integer of at least 1. Received: threads=0"),
        ({"repeats": 0}, "`repeats` must be an integer of at least 1. Received: repeats=0"),
        ({"warm_up": -1}, "`warm_up` must be an integer of at least 0. Received: warm_up=-1"),
        ({"dtype": "int8"}, "`dtype` must be one of .* Received: dtype='int8'"),
    ],
)
def test_settings_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        Settings(**values)


def test_other_backends_list_what_they_lack():
    case = next(case for case in CASES if case.name == "group_interaction_rate_4")
    assert case.unavailable_because("tensorflow") is None
    assert "the Keras backend is jax" in case.unavailable_because("jax")
    assert CASES[0].unavailable_because("jax") is None


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_has_a_parser(suite, capsys):
    options = build_parser(suite).parse_args(["--suite", suite, "--threads", "1"])
    assert options.suite == suite and options.threads == [1]
    with pytest.raises(SystemExit):
        main(["--suite", suite, "--help"])
    assert "--repeats" in capsys.readouterr().out


def test_list_names_every_case(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [case.name for case in CASES]


def test_command_prints_a_table_and_saves_every_run(tmp_path, capfd):
    out = tmp_path / "results" / "benchmarks.json"
    arguments = ["--cases", "dilated_2d_rate_2", "--threads", "1", "--repeats", "3", "--warm-up", "1"]
    assert main([*arguments, "--small", "--out", str(out)]) == 0
    printed = capfd.readouterr()
    document = json.loads(out.read_text())
    assert list(out.parent.iterdir()) == [out], "a temporary file stayed"
    assert {"date", "commit", "backend", "processor", "cores", "versions"} <= set(document["environment"])
    assert document["environment"]["backend"] == keras.backend.backend()
    assert document["settings"]["dtype"] == "float32" and document["settings"]["threads"] == [1]
    assert document["failures"] == [] and document["unavailable"] == {}
    assert document["cases"]["dilated_2d_rate_2"]["forward_target"] == 1.2
    assert [result["step"] for result in document["results"]] == ["forward", "training"]
    for result in document["results"]:
        assert result["threads"] == 1 and result["case"] == "dilated_2d_rate_2"
        assert len(result["ours_ms"]) == len(result["reference_ms"]) == 3
        assert all(time > 0 for time in result["ours_ms"] + result["reference_ms"])
        assert result["met"] is None, "targets do not hold for small inputs"
        assert result["differences"]["outputs"]["max"] < 1e-4
    assert format_document(document) in printed.out
    assert "SMALL INPUTS" in printed.out and "threads=1" in printed.err


@pytest.mark.skipif(not can_measure(), reason="needs /proc/self/status")
def test_memory_is_measured_in_a_process_of_its_own():
    job = {"kind": "memory", "cases": ["dilated_2d_rate_2"], "form": "ours", "threads": 1}
    assert run_in_child({**job, "dtype": "float32", "small": True})["peak_mb"] > 0


@pytest.mark.weekly
def test_a_process_that_fails_is_named(capfd):
    with pytest.raises(RuntimeError, match="dilated_3d with threads=1 ended with exit code 1"):
        run_in_child({"kind": "time", "cases": ["dilated_3d"], "threads": 1})
    assert "Received: cases=dilated_3d" in capfd.readouterr().err


def test_each_case_is_saved_as_it_ends(tmp_path, monkeypatch):
    """A process that ends early leaves the cases that had ended, of all numbers of threads."""
    case, path = "dilated_2d_rate_2", tmp_path / "out.json"
    saved = []

    def run_in_child(job, on_result):
        on_result({"results": [{"case": case, "step": "forward"}], "failures": []})
        saved.append([item["threads"] for item in read_document(path)["results"]])
        if job["threads"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(benchmarks_run, "run_in_child", run_in_child)
    with pytest.raises(KeyboardInterrupt):
        run_benchmarks(Settings(cases=(case,), threads=(1, 2)), path)
    assert saved == [[1], [1, 2]]
    assert len(read_document(path)["results"]) == 2


def test_the_process_tells_of_every_case(capfd):
    cases = ["dilated_2d_rate_2", "dilated_2d_rate_4"]
    job = {"kind": "time", "cases": cases, "threads": 1, "repeats": 1, "warm_up": 0}
    told = []
    result = run_in_child({**job, "dtype": "float32", "small": True}, told.append)
    assert [len(found["results"]) for found in told] == [2, 4, 4] and told[-1] == result
    assert [item["case"] for item in told[0]["results"]] == [cases[0]] * 2
    capfd.readouterr()


def made_up_document(ours_ms, processor="a processor", **times):
    environment = {"processor": processor, "cores": 2, "python": "3.11", "versions": {"keras": "3.15"}}
    environment |= {"backend": "tensorflow", "commit": "0123456789ab", "date": "2026-01-01", "variables": {}}
    item = {"case": "one", "threads": 1, "step": "forward", **summary([ours_ms], [6.0], None), **times}
    return {
        "environment": environment,
        "settings": dataclasses.asdict(Settings()),
        "results": [item],
        "memory": [{"threads": 1, "case": "one", **memory_summary(10 * ours_ms, 100.0, None)}],
    }


def test_two_files_are_compared(tmp_path, capsys):
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, ours_ms in zip(files, (3.0, 2.0), strict=True):
        file.write_text(json.dumps(made_up_document(ours_ms)))
    assert main(["--compare", *map(str, files)]) == 0
    out = capsys.readouterr().out
    cells = [
        cell.strip() for line in out.splitlines() if line.startswith("| one") for cell in line.split("|")
    ]
    assert cells[1:9] == ["one", "1", "forward", "3.00", "2.00", "1.50", "1.00", "1.50"]
    assert cells[11:15] == ["one", "1", "30", "20"] and "They differ" not in out
    other = made_up_document(2.0, "another processor", step="training")
    text = format_comparison(made_up_document(3.0), other)
    assert "They differ in processor: compare the last column alone." in text
    assert "Only in A: one 1 forward." in text and "Only in B: one 1 training." in text
    files[1].write_text("{}")
    assert main(["--compare", *map(str, files)]) == 1
    assert "b.json` must be a result file of `python -m benchmarks`" in capsys.readouterr().err


def test_table_says_what_was_met_failed_or_left_out():
    times = {"threads": 2, "case": "one", "step": "forward", "same_function": True}
    differences = {"outputs": {"max": 1e-7, "rms": 2e-8}}
    document = {
        "environment": {
            "processor": "a processor",
            "cores": 2,
            "python": "3.11",
            "versions": {"keras": "3.15"},
            "backend": "tensorflow",
            "commit": "0123456789ab",
            "date": "2026-01-01T00:00:00+00:00",
        },
        "settings": dataclasses.asdict(Settings()),
        "results": [
            {**times, "differences": differences, **summary([1.0], [3.0], 2.0)},
            {**times, "differences": differences, **summary([1.0], [1.5], 2.0), "same_function": False},
        ],
        "memory": [{"threads": 2, "case": "one", **memory_summary(70.0, 100.0, 0.75)}],
        "unavailable": {"two": "the reference is implemented for tensorflow; the Keras backend is jax"},
        "failures": [{"threads": 2, "case": "three", "error": "ValueError: different"}],
    }
    lines = format_document(document).splitlines()
    (met,) = (line for line in lines if "3.00 (3.00 to 3.00)" in line)
    assert "| met " in met and "1.0e-07, 2.0e-08" in met
    (missed,) = (line for line in lines if "1.50 (1.50 to 1.50)" in line)
    assert "| not met |" in missed and "2.0e-08 *" in missed
    assert any("0.70 |" in line and "0.75 | met" in line for line in lines)
    assert any(line.startswith("Not measured: two: the reference") for line in lines)
    assert "FAILED: three (2 threads): ValueError: different" in lines
    assert len({len(line) for line in lines if line.startswith("|")}) == 2, "one width per table"


@pytest.mark.weekly
def test_scores_are_timed_beside_museval(capsys):
    pytest.importorskip("museval")
    assert main(["--suite", "scores", "--secs", "1", "--num-sources", "2", "--threads", "1"]) == 0
    row = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-1].split("|")[1:-1]]
    assert row[0] == "1" and float(row[1]) > 0 and float(row[2]) > 0 and float(row[3]) > 0
    assert all(float(value) < 1e-6 for value in row[4].split(","))


@pytest.mark.large
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="separators are TensorFlow graphs")
def test_d3net_is_measured_whole(capsys):
    options = ["--tiny", "--threads", "1", "--dtypes", "float32", "--repeats", "1", "--secs", "2"]
    assert main(["--suite", "d3net_music", *options, "--steps", *d3net_music.STEPS]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[1].strip() for row in rows[1:]] == list(d3net_music.STEPS)
    assert all(float(row[4]) > 0 and float(row[8]) > 0 for row in rows[1:])


def test_records_are_measured(capsys):
    command = ["--songs", "1", "--secs", "1", "--workers", "1", "--encodings", "pcm16", "--formats"]
    assert scale.main([*command, "wav", "mp3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    wav, mp3 = (float(line.strip("| ").split(" | ")[1]) for line in lines[-2:])
    # Four sources of 16 bits, stereo; MP3 is some tenth of that.
    assert wav == pytest.approx(4 * 4 * 44100 * 60 / 1e6, rel=0.01) and 0 < mp3 < wav / 5
    line = lines[2]
    encoding, workers, songs, secs, gigabytes, megabytes = line.strip("| ").split(" | ")
    assert (encoding, workers) == ("pcm16", "1")
    assert min(float(songs), float(secs), float(gigabytes)) > 0
    # Mixture and four sources of 16 bits, stereo.
    assert float(megabytes) == pytest.approx(5 * 4 * 44100 * 60 / 1e6, rel=0.01)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the pipeline is measured once")
def test_feeding_is_timed_beside_a_memory_map(capsys):
    command = ["--suite", "feeding", "--configs", "wave_u_net_m1", "--threads", "1"]
    assert main([*command, "--repeats", "2", "--songs", "1", "--secs", "2"]) == 0
    row = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-1].split("|")[1:-1]]
    assert row[:2] == ["wave_u_net_m1", "1"]
    assert all(float(row[place].split()[0]) > 0 for place in (2, 3))
    assert float(row[5]) == pytest.approx(PEAK_FLOPS * USE / (float(row[4]) * 1e9), rel=0.05)
