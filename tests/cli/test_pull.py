"""The progress bar of `keras-d3 pull`; the command itself is tested with the conversions."""

import io
import sys

import pytest

from keras_d3.cli.pull import _Bar

pytest.importorskip("tqdm", reason="tqdm is in the extra `convert`")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream, is_shown", [(Terminal(), True), (io.StringIO(), False)])
def test_a_bar_on_terminals_alone(stream, is_shown, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    with _Bar() as bar:
        bar.show(250_000, 1_000_000)
        # Another attempt began anew.
        bar.show(0, 1_000_000)
        bar.show(1_000_000, 1_000_000)
    assert ("100%" in stream.getvalue() and "1.00M/1.00M" in stream.getvalue()) == is_shown
    assert is_shown or not stream.getvalue()
