"""fluidsynth: finds it and a SoundFont, renders MIDI files to samples."""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from keras_d3.audio import read_audio
from tfrecords_tools.synth.signal import SAMPLE_RATE

# Of fluidsynth's master; samples are written as floats, which no gain can clip.
GAIN = 1.0
FRAME_BYTES = 8
# A file that is longer than this many times what is asked for has no end: see `stem_midi`.
ENDLESS = 3
POLL_SECS = 0.02
APT_COMMAND = "apt-get install --no-install-recommends fluidsynth"


def find_fluidsynth() -> tuple[str, str]:
    """Returns the path of fluidsynth and its version.

    Raises:
        RuntimeError: it is not on the PATH, or does not run.
    """
    path = shutil.which("fluidsynth")
    if path is None:
        raise RuntimeError(f"fluidsynth renders the songs and is not on the PATH: {APT_COMMAND}")
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"`{path}` does not run ({error}). Install it again: {APT_COMMAND}") from error
    found = re.search(r"version (\d[\w.]*)", done.stdout.decode("utf-8", "replace"))
    if done.returncode or not found:
        raise RuntimeError(f"`{path} --version` names no version of fluidsynth. Install it: {APT_COMMAND}")
    return path, found[1]


def check_soundfont(path: str | Path) -> Path:
    """Returns the path of a SoundFont.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no SoundFont.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No SoundFont at `{path}`. Debian's fluid-soundfont-gm has one at "
            "`/usr/share/sounds/sf2/FluidR3_GM.sf2`: "
            "apt-get install --no-install-recommends fluid-soundfont-gm"
        )
    with open(path, "rb") as file:
        head = file.read(12)
    # fluidsynth itself would go on without it and render silence.
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise ValueError(
            f"`{path}` is no SoundFont (.sf2 or .sf3). Received: a file beginning with {head!r}."
        )
    return path


def render_midi(
    midi: bytes, soundfont: str | Path, num_samples: int, limit_secs: float, name: str
) -> np.ndarray:
    """Returns what fluidsynth renders of a MIDI file, float32 `(num_samples, 2)` at 44.1 kHz.

    The user's own configuration of fluidsynth is not read. What the renderer writes beyond
    `num_samples` is cut off, what it lacks is silence.

    Args:
        midi: bytes of the file.
        soundfont: str or Path.
        num_samples: int, length of the result.
        limit_secs: float, time limit of the process in seconds.
        name: str, name of the song, for errors.

    Raises:
        RuntimeError: fluidsynth is not there, fails, renders without end, or takes longer than
            `limit_secs`.
    """
    program, _ = find_fluidsynth()
    with tempfile.TemporaryDirectory(prefix="keras_d3_midi_") as folder:
        midi_path, out, config = (Path(folder) / file for file in ("stem.mid", "stem.wav", "empty.cfg"))
        midi_path.write_bytes(midi)
        config.touch()
        command = [program, "-n", "-i", "-q", "-f", str(config), "-g", str(GAIN), "-r", str(SAMPLE_RATE)]
        # Floats are not limited: levels come later.
        command += ["-O", "float", "-T", "wav", "-F", str(out), str(soundfont), str(midi_path)]
        code, text = _run(command, out, ENDLESS * FRAME_BYTES * num_samples, limit_secs, name)
        if code or not out.is_file():
            reason = text or "no reason given"
            raise RuntimeError(f"fluidsynth failed on `{name}` (exit code {code}): {reason}")
        audio, rate = read_audio(out)
    if rate != SAMPLE_RATE or audio.shape[1] != 2:
        raise RuntimeError(
            f"fluidsynth must write stereo at {SAMPLE_RATE} Hz. Received for `{name}`: {audio.shape[1]} "
            f"channels at {rate} Hz."
        )
    return np.pad(audio[:num_samples], ((0, max(0, num_samples - len(audio))), (0, 0)))


def _run(command, out, max_bytes, limit_secs, name):
    """Runs a renderer, and ends it where it writes on and on or takes too long."""
    deadline = time.monotonic() + limit_secs
    messages = out.with_name("messages.txt")
    with (
        open(messages, "wb") as text,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=text, stderr=text) as process,
    ):
        try:
            while process.poll() is None:
                if out.is_file() and out.stat().st_size > max_bytes:
                    raise RuntimeError(
                        f"fluidsynth renders `{name}` on and on, far beyond its end. Leave the song out; "
                        "what is finished is kept."
                    )
                if time.monotonic() > deadline:
                    raise RuntimeError(
                        f"fluidsynth did not finish `{name}` within {limit_secs:g} s. On a busy machine "
                        "raise `--limit-secs`, or leave the song out; what is finished is kept."
                    )
                time.sleep(POLL_SECS)
        finally:
            process.kill()
    return process.returncode, messages.read_bytes().decode("utf-8", "replace").strip()[-300:]
