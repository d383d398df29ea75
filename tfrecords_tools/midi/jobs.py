"""Renders many songs: in several processes, with a progress bar, keeping what is finished."""

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_d3.utils import sweep_leftovers
from tfrecords_tools.midi.render import SongRequest, UnsuitableSongError, finished_facts, render_song
from tfrecords_tools.processes import run_in_processes


def render_songs(
    requests: Sequence[SongRequest], workers: int | None = None
) -> tuple[dict[str, dict], dict[str, str], int]:
    """Renders songs that are not there yet.

    Args:
        requests: sequence of `SongRequest`.
        workers: int, processes. None: one per core.

    Returns:
        `(facts, left_out, written)`: dict of the facts of each song by its folder; dict of the reason why
        a song is left out, by its folder; number of songs written now.

    Raises:
        ValueError: a folder holds something else than the song asked for, or a MIDI file is broken.
        RuntimeError: fluidsynth fails, or a process was killed.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"`--workers` must be at least 1. Received: {workers}.")
    found = {request.folder: finished_facts(request) for request in requests}
    jobs = [request for request in requests if found[request.folder] is None]
    for parent in {Path(request.folder).parent for request in requests}:
        sweep_leftovers(parent, patterns=(".*.tmp",))
    facts = {folder: known for folder, known in found.items() if known is not None}
    left_out, written = {}, 0
    with tqdm(total=len(requests), initial=len(facts), desc="songs", unit="song") as bar:
        for job, outcome in run_in_processes(_outcome, jobs, workers):
            if isinstance(outcome, str):
                left_out[job.folder] = outcome
            else:
                facts[job.folder] = outcome
                written += 1
            bar.update()
    order = [request.folder for request in requests]
    return (
        {folder: facts[folder] for folder in order if folder in facts},
        {folder: left_out[folder] for folder in order if folder in left_out},
        written,
    )


def _outcome(request):
    """The facts of a song, or why it is left out. Runs in a process of its own."""
    try:
        return render_song(request)
    except UnsuitableSongError as error:
        return str(error)
