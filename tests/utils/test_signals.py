import signal
import subprocess
import sys
import threading

from keras_d3.utils import run_reporting_errors

WRITE = """
import sys, time
from keras_d3.utils import atomic_path, run_reporting_errors

def write():
    with atomic_path(sys.argv[1]) as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        time.sleep(60)

sys.exit(run_reporting_errors(write))
"""


def test_sigterm_ends_a_command_as_an_interrupt_does(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "a")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"writing\n"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors == b"terminated; the same command goes on where it stopped\n"
    assert not list(tmp_path.iterdir())


def test_the_callers_signals_stay_the_callers():
    def handler(number, frame):
        pass

    assert run_reporting_errors(lambda: signal.getsignal(signal.SIGTERM) != signal.SIG_DFL) == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    former = signal.signal(signal.SIGTERM, handler)
    try:
        assert run_reporting_errors(lambda: signal.getsignal(signal.SIGTERM) is handler) == 1
    finally:
        signal.signal(signal.SIGTERM, former)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run_reporting_errors(lambda: 7)))
    thread.start()
    thread.join()
    assert codes == [7], "signals are the main thread's"
