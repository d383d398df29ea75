import pytest

from keras_d3.experiments.stopwatch import Stopwatch


def test_parts_add_up_and_failed_ones_count(monkeypatch):
    clock = iter([0.0, 10.0, 70.0, 100.0, 160.0, 200.0, 206.0, 600.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    stopwatch = Stopwatch()
    for _ in range(2):
        with stopwatch.part("training"):
            pass
    with pytest.raises(KeyboardInterrupt), stopwatch.part("report"):
        raise KeyboardInterrupt
    assert stopwatch.sentence() == "Time: training 2.0 min, report 0.1 min; 10.0 min in all"
