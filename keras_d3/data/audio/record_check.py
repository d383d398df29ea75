"""What a record of audio must be, by the manifest."""

from collections.abc import Sequence
from typing import Any

from keras_d3.data.audio.manifest import AudioManifest, AudioTrack
from keras_d3.data.audio.schema import MIXTURE, read_block


def block_index(track: int, block: int) -> tuple[int, int]:
    """Returns (track, block), which the record of a track's block holds."""
    return track, block


def check_block(
    manifest: AudioManifest, tracks: Sequence[AudioTrack], data: bytes, expected: tuple[int, int] | None
) -> None:
    """Raises ValueError if a record is not block `expected[1]` of track `expected[0]`."""
    record = read_block(data, manifest.encoding, manifest.channels)
    if (record["track"], record["block"]) != expected:
        raise ValueError(f"block {record['block']} of track {record['track']} is out of order.")
    check_contents(manifest, tracks[record["track"]], record, (MIXTURE, *manifest.sources))


def check_contents(
    manifest: AudioManifest, track: AudioTrack, record: dict[str, Any], names: Sequence[str]
) -> None:
    """Raises ValueError if what `read_block` gave does not belong to a track, or lacks samples of `names`."""
    length = min(manifest.block_samples, track.num_samples - record["block"] * manifest.block_samples)
    if record["track_name"] != track.name or record["num_samples"] != track.num_samples:
        raise ValueError(f"it belongs to {record['track_name']!r}, not {track.name!r}.")
    for name in names:
        found = len(record["audio"].get(name, ()))
        if found != length:
            raise ValueError(f"{name!r} has {found} samples, not {length}.")
