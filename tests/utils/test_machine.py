import os
import platform
import subprocess
import sys

import pytest

from keras_d3.utils import machine_name, num_cores, prefer_onednn, processor_name, share_one_arena

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


@pytest.mark.parametrize("cores, expected", [(1, "1 core"), (16, "16 cores")])
def test_the_name_of_a_machine(monkeypatch, cores, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    assert num_cores() == cores
    assert machine_name() == f"{processor_name()}, {expected}"


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


@pytest.fixture
def without_settings_of_memory(monkeypatch):
    for name in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"):
        monkeypatch.setenv(name, "to be restored")
        monkeypatch.delenv(name)


# Threads allocate, keep, and say in how many address ranges of glibc's arenas (64 MB each) that was.
ALLOCATE = """
import ctypes, threading
from keras_d3.utils import share_one_arena
if {shared}:
    share_one_arena()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
found, gate = set(), threading.Barrier(4)
def allocate():
    gate.wait()
    found.add(library.malloc(5000) >> 26)
    gate.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_threads_share_one_arena(without_settings_of_memory):
    def num_arenas(shared):
        command = [sys.executable, "-c", ALLOCATE.format(shared=shared)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert num_arenas(shared=True) == 1
    assert num_arenas(shared=False) > 1


def test_processes_that_it_starts_share_one_too(without_settings_of_memory):
    share_one_arena()
    if platform.libc_ver()[0] == "glibc":
        assert os.environ["MALLOC_ARENA_MAX"] == "1"


@pytest.mark.parametrize(
    "name, value", [("MALLOC_ARENA_MAX", "8"), ("GLIBC_TUNABLES", "glibc.malloc.arena_max=8")]
)
def test_the_user_decides_on_arenas(without_settings_of_memory, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    share_one_arena()
    assert os.environ.get("MALLOC_ARENA_MAX") == (value if name == "MALLOC_ARENA_MAX" else None)
