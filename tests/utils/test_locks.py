"""One holder at a time, in this process and in others; a killed one leaves no lock."""

import subprocess
import sys
import threading
from pathlib import Path

from keras_d3.utils import file_lock

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from keras_d3.utils import file_lock
with file_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_waits_and_says_so(tmp_path):
    events = []

    def second():
        with file_lock(tmp_path / "deep/.lock", lambda: events.append("waits")):
            events.append("second")

    with file_lock(tmp_path / "deep/.lock", lambda: events.append("never")):
        thread = threading.Thread(target=second)
        thread.start()
        while not events:
            thread.join(0.01)
        events.append("first")
    thread.join()
    assert events == ["waits", "first", "second"]


def test_a_killed_holder_leaves_no_lock(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        waited = []
        killer = threading.Timer(0.05, process.kill)
        killer.start()
        with file_lock(tmp_path / ".lock", lambda: waited.append(True)):
            assert process.wait() != 0 and waited
        killer.join()
