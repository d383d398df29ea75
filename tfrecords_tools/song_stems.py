"""The audio files in the folder of one song, by source."""

from collections.abc import Sequence
from pathlib import Path

from keras_d3.audio import is_audio_file
from keras_d3.data import MIXTURE
from keras_d3.utils import own_items
from tfrecords_tools.track_files import AudioLocation, AudioSum

# What data sets call the mixture, in lower case.
MIXTURE_NAMES = (MIXTURE, "mix", "fullmix", "full_mix")


def stems_in(song: Path, sources: Sequence[str] = ()) -> dict[str, AudioLocation | AudioSum]:
    """Returns the stems of a song.

    A source is a file `<source>.wav`, or a folder `<source>/` whose files are summed. `mix.wav` is the
    mixture, unless `mix` is among the sources asked for. Folders in the folder of a source are not looked
    into.

    Args:
        song: Path, folder of the song.
        sources: sequence of str, the sources asked for; empty if none are.

    Returns:
        Dict of `"mixture" | source -> AudioLocation | AudioSum`, in order of the names.

    Raises:
        ValueError: two files for one source.
    """
    stems = {}
    for item in own_items(song):
        if item.is_dir():
            parts = tuple(AudioLocation(str(path)) for path in own_items(item) if is_audio_file(path))
            name, place = item.name, parts[0] if len(parts) == 1 else AudioSum(parts)
            if not parts:
                continue
        elif is_audio_file(item):
            name, place = item.stem, AudioLocation(str(item))
        else:
            continue
        if name.lower() in MIXTURE_NAMES and name not in sources:
            name = MIXTURE
        if name in stems:
            raise ValueError(f"Two files for one source: `{stems[name]}` and `{place}`. Remove one.")
        stems[name] = place
    return stems
