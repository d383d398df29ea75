import os
import signal
import subprocess
import sys

import pytest

from keras_d3.utils import DirectoryInUseError, lock_directory
from keras_d3.utils.locks import take_lock

HOLD = """
import sys, time
from keras_d3.utils import lock_directory
with lock_directory(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused(tmp_path):
    folder = tmp_path / "run"
    with lock_directory(folder):
        with pytest.raises(DirectoryInUseError, match="run` is being written by another process. Wait until"):
            with lock_directory(folder):
                pass
    with lock_directory(folder):
        assert not list(folder.iterdir()), "the lock is no file"


def test_the_lock_of_a_dead_process_does_not_block(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(DirectoryInUseError):
        with lock_directory(tmp_path):
            pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with lock_directory(tmp_path):
        pass


def test_file_systems_without_locks(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(9, "Bad file descriptor")  # as NFS does for directories

    monkeypatch.setattr("keras_d3.utils.locks.fcntl.flock", refuse)
    assert take_lock(tmp_path) is None
    with lock_directory(tmp_path):
        pass
    monkeypatch.setattr("keras_d3.utils.locks.fcntl", None)
    assert take_lock(tmp_path) is None
