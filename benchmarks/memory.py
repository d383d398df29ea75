"""Peak memory of training steps, measured in the process that calls this."""

from pathlib import Path

from benchmarks.steps import make_step
from benchmarks.timing import make_networks

_STATUS = Path("/proc/self/status")


def peak_megabytes_of_training(case, form, dtype, small=False, num_steps=2):
    """Returns the peak of resident memory over training steps, minus the memory resident before.

    Call it in a fresh process: memory that an earlier step returned to the allocator still counts as
    resident.

    Args:
        case: `benchmarks.case.Case`.
        form: `"ours"` or `"reference"`.
        dtype: str, name of the dtype policy.
        small: bool, whether to use the small input.
        num_steps: int, number of training steps.

    Returns:
        float, megabytes.

    Raises:
        OSError: the system keeps no /proc/self/status.
    """
    networks, inputs = make_networks(case, dtype, small)
    run = make_step("training", networks[form])
    before = _megabytes("VmRSS")
    _forget_high_water_mark()
    for _ in range(num_steps):
        run(inputs[form])
    return _megabytes("VmHWM") - before


def can_measure():
    """Returns whether this system tells the memory of a process."""
    return _STATUS.exists()


def _megabytes(name):
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def _forget_high_water_mark():
    # Imports can have needed more for a moment than is resident now.
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # not allowed here: the mark then includes what building the layers took
