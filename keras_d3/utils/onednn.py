"""oneDNN in TensorFlow, which leaves it off on processors without AVX-512 VNNI."""

import os
import platform
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


def prefer_onednn() -> None:
    """Has TensorFlow compute with oneDNN on every x86 processor, where the user has not decided otherwise.

    For work that is faster so: training (up to 2.5 times with AVX2 alone, with half the memory) and the
    separation by waveform networks (1.5 times); not for that by spectrogram networks, which takes longer
    (docs/speed.md). Does nothing if TensorFlow is imported already.
    """
    if "tensorflow" not in sys.modules and platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault(VARIABLE, "1")
