"""Checks of audio records against the settings, and the memory of their shuffle."""

from keras_d3.data.audio.excerpts import features_read
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.samples import PLAIN_ENCODINGS
from keras_d3.data.manifest import check_kind
from keras_d3.settings import ACCOMPANIMENT, AudioDataConfig


def check_audio_records(manifest: AudioManifest, config: AudioDataConfig, split: str) -> None:
    """Raises ValueError if records of `split` cannot feed this config."""
    check_kind(manifest, "audio")
    rate = manifest.sample_rate(split)
    if rate != config.sample_rate_hz:
        raise ValueError(
            f"`sample_rate_hz` must be that of the records, {rate} Hz in `{manifest.directory}` ({split}). "
            f"Received: sample_rate_hz={config.sample_rate_hz!r}. Write records with "
            f"`python -m tfrecords_tools ... --sample-rate {config.sample_rate_hz}`."
        )
    known = (*manifest.sources, ACCOMPANIMENT)
    unknown = [name for name in config.sources if name not in known]
    if unknown:
        raise ValueError(
            f"`sources` must be among {', '.join(known)}: `{manifest.directory}` holds no other. "
            f"Received: sources={config.sources!r}."
        )
    if ACCOMPANIMENT not in manifest.sources and ACCOMPANIMENT in config.sources:
        if set(manifest.sources) <= set(config.sources):
            raise ValueError(
                "`sources` must leave at least one source of the records for 'accompaniment'. "
                f"Received: sources={config.sources!r}; the records hold {', '.join(manifest.sources)}."
            )


def audio_shuffle_bytes(manifest: AudioManifest, config: AudioDataConfig) -> int:
    """Returns the memory in bytes that the shuffle of excerpts takes.

    Of plain records ("pcm16") it holds places, two numbers of 8 bytes for every stream. Of coded ones
    ("flac") it holds 16-bit samples of the network's input length, for every feature that is read.
    """
    num_features = len(features_read(manifest, config))
    if manifest.encoding in PLAIN_ENCODINGS:
        num_streams = num_features if config.sources_from == "different_tracks" else 1
        return config.shuffle_excerpts * num_streams * 2 * 8
    return config.shuffle_excerpts * num_features * config.input_samples * manifest.channels * 2
