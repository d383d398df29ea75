"""Audio data settings: waveform batches from records."""

import dataclasses
from typing import ClassVar

from keras_d3.utils import check_choice, check_file_name, check_positive_int, check_sample_rate

ACCOMPANIMENT = "accompaniment"
# Settings of augmentations that happen or not.
PROBABILITIES = ("channel_swap_probability", "polarity_inversion_probability")


@dataclasses.dataclass(frozen=True)
class AudioDataConfig:
    """Settings of the waveform pipelines.

    Args:
        sample_rate_hz: int, the rate of the records.
        channels: int, channels of the network. Stereo records are averaged for 1, mono records doubled
            for 2.
        sources: tuple of str, the network's outputs: names of sources in the records, and
            `"accompaniment"`, the sum of all sources not named here. The mixture
            is always that of all sources in the records.
        input_samples: int, length of the network's input.
        output_samples: int, length of its outputs, aligned with the center of the input.
        sources_from: `"different_tracks"` (every source from a random track of its
            own) or `"same_track"`.
        mixture: `"sum"` of the sources after augmentation, or `"stored"`.
        gain_range: (low, high), floats; each source is multiplied by its own uniform draw from there.
            None: no gain.
        channel_swap_probability: float in [0, 1], probability of swapping left and right of a source.
        excerpts_per_block: int, excerpts of a pass for each record: more means longer passes and, where
            records are coded ("flac"), less reading, with excerpts that are closer together.
        shuffle_excerpts: int, excerpts in the shuffle buffer (`audio_shuffle_bytes`).
        parallel_tracks: int, places of the data set that are read in turns.
        seed: int, random seed of excerpts, order and augmentation.
        validation_hop: int, samples from one validation window to the next. None: `output_samples`, which
            covers each sample once.
        polarity_inversion_probability: float in [0, 1], probability of multiplying a source by -1, which is
            drawn for each source by itself.

    Raises:
        ValueError: a setting is out of range, or two contradict each other.

    Example:

    >>> config = AudioDataConfig(44100, 2, ("vocals", "accompaniment"), 147443, 16389)
    """

    kind: ClassVar[str] = "audio"

    sample_rate_hz: int
    channels: int
    sources: tuple[str, ...]
    input_samples: int
    output_samples: int
    sources_from: str = "different_tracks"
    mixture: str = "sum"
    gain_range: tuple[float, float] | None = None
    channel_swap_probability: float = 0.0
    excerpts_per_block: int = 2
    shuffle_excerpts: int = 64
    parallel_tracks: int = 8
    seed: int = 0
    validation_hop: int | None = None
    polarity_inversion_probability: float = 0.0

    def __post_init__(self):
        check_sample_rate("sample_rate_hz", self.sample_rate_hz)
        for name in ("input_samples", "output_samples", "excerpts_per_block"):
            check_positive_int(name, getattr(self, name))
        for name in ("shuffle_excerpts", "parallel_tracks"):
            check_positive_int(name, getattr(self, name))
        check_positive_int("seed", self.seed, 0)
        if self.validation_hop is not None:
            check_positive_int("validation_hop", self.validation_hop)
        check_choice("channels", self.channels, (1, 2))
        check_choice("sources_from", self.sources_from, ("different_tracks", "same_track"))
        check_choice("mixture", self.mixture, ("sum", "stored"))
        if not isinstance(self.sources, (tuple, list)) or len(set(self.sources)) != len(self.sources):
            raise ValueError(f"`sources` must be distinct names. Received: sources={self.sources!r}.")
        if not self.sources:
            raise ValueError("`sources` must name at least one source. Received: sources=().")
        for source in self.sources:
            check_file_name("sources", source)
        object.__setattr__(self, "sources", tuple(self.sources))
        if self.input_samples < self.output_samples:
            raise ValueError(
                "`input_samples` must be at least `output_samples`. Received: "
                f"input_samples={self.input_samples!r}, output_samples={self.output_samples!r}."
            )
        for name in PROBABILITIES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be in [0, 1]. Received: {name}={getattr(self, name)!r}.")
        self._check_gain_range()
        altered = self.gain_range is not None or any(getattr(self, name) > 0 for name in PROBABILITIES)
        if self.mixture == "stored" and (altered or self.sources_from == "different_tracks"):
            raise ValueError(
                "`mixture` 'stored' must go with sources as stored: sources_from='same_track', "
                f"gain_range=None, {', '.join(f'{name}=0' for name in PROBABILITIES)}. Use mixture='sum' to "
                f"alter them. Received: sources_from={self.sources_from!r}, gain_range={self.gain_range!r}, "
                f"{', '.join(f'{name}={getattr(self, name)!r}' for name in PROBABILITIES)}."
            )

    def _check_gain_range(self):
        if self.gain_range is None:
            return
        pair = tuple(self.gain_range)
        if len(pair) != 2 or not pair[0] <= pair[1]:
            raise ValueError(
                "`gain_range` must be (low, high) with low <= high. "
                f"Received: gain_range={self.gain_range!r}."
            )
        object.__setattr__(self, "gain_range", pair)

    @property
    def context_before(self):
        """Input samples before the first output sample; an odd surplus leaves one more at the end."""
        return (self.input_samples - self.output_samples) // 2
