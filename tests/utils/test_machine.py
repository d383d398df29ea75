import os
import platform
import sys

import pytest

from keras_d3.utils import prefer_onednn

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


@pytest.fixture
def before_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv(VARIABLE, "to be restored")
    monkeypatch.delenv(VARIABLE)


@pytest.mark.parametrize("machine,expected", [("x86_64", "1"), ("AMD64", "1"), ("aarch64", None)])
def test_x86_alone(before_tensorflow, monkeypatch, machine, expected):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    prefer_onednn()
    assert os.environ.get(VARIABLE) == expected


def test_the_user_decides(before_tensorflow, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0")
    prefer_onednn()
    assert os.environ[VARIABLE] == "0"


def test_too_late(before_tensorflow, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    prefer_onednn()
    assert VARIABLE not in os.environ
