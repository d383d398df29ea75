"""Separator settings: windows or patches of a song, their overlap, and the Wiener filter."""

import dataclasses
from typing import ClassVar

from keras_d3.utils import check_choice, check_frames, check_int_tuple, check_positive_int, check_sample_rate

PADDINGS = ("zeros", "reflect")
# "best" is what the settings say; "fast" leaves out what costs time and is no part of the networks.
QUALITIES = ("best", "fast")
# Name of the one network of a waveform separator, which has no source's name.
NETWORK_NAME = "network"
# And of the same network for the longer windows of "fast", where it has context.
LONG_NETWORK_NAME = "network_long"
# Every sample would be computed ten times; beyond that, the cost grows without bound.
MAX_OVERLAP = 0.9


@dataclasses.dataclass(frozen=True)
class WaveformSeparatorConfig:
    """Settings of a separator whose network maps waveform to waveforms.

    Args:
        sample_rate_hz: int, the rate the network works at.
        channels: int, channels of mixture and sources.
        sources: tuple of strings, the names of the network's outputs.
        overlap: fraction of a window that it shares with the next one, in [0, 0.9]; the windows are
            cross-faded linearly and divided by the true sum of the fades. 0 puts windows end to end,
            the last one shifted back to end with the song (the tiling of the Wave-U-Net code). A
            network whose output is shorter than its input has real context on both sides and is
            always tiled, whatever stands here.
        clip: bool, whether the estimates are limited to [-1, 1].
        padding: what the network sees beyond the song's ends: `"zeros"`, or `"reflect"` for the song
            mirrored there.
        windows_per_batch: int, windows passed through the network at once.
        downmix: bool, what a mono network does with a song of more channels. True: it separates their
            mean and gives every channel the same stem, as the Wave-U-Net code does. False: it
            separates the channels one by one, which takes their number times as long and keeps the
            stereo picture.

    Raises:
        ValueError: a value out of range.

    Example:

    >>> from keras_d3.settings import WaveformSeparatorConfig
    >>> WaveformSeparatorConfig(22050, 2, ("vocals", "accompaniment"), overlap=0.5).overlap
    0.5
    """

    kind: ClassVar[str] = "waveform"

    sample_rate_hz: int
    channels: int
    sources: tuple[str, ...]
    overlap: float = 0.25
    clip: bool = False
    padding: str = "zeros"
    windows_per_batch: int = 4
    downmix: bool = False

    def __post_init__(self):
        _check_common(self)
        if isinstance(self.overlap, bool) or not 0 <= self.overlap <= MAX_OVERLAP:
            raise ValueError(
                f"`overlap` must be a fraction from 0 to {MAX_OVERLAP}. Received: overlap={self.overlap!r}."
            )
        _check_bool("clip", self.clip)
        check_positive_int("windows_per_batch", self.windows_per_batch)
        _check_bool("downmix", self.downmix)
        if self.downmix and self.channels != 1:
            raise ValueError(
                "`downmix` must be False unless the network is mono. Received: downmix=True, "
                f"channels={self.channels}."
            )

    @property
    def network_names(self):
        """Names of the separator's networks, a tuple: one network gives all sources."""
        return (NETWORK_NAME,)

    def at_quality(self, quality):
        """Returns the settings of a quality: `"best"` these ones, `"fast"` windows end to end (overlap 0).

        Raises:
            ValueError: `quality` is neither.
        """
        fast = check_choice("quality", quality, QUALITIES) == "fast"
        return dataclasses.replace(self, overlap=0.0) if fast else self


@dataclasses.dataclass(frozen=True)
class SpectrogramSeparatorConfig:
    """Settings of a separator whose networks map mixture magnitudes to one source's magnitudes each.

    Args:
        sample_rate_hz: int, the rate the networks work at.
        channels: int, channels of mixture and sources.
        sources: tuple of strings, one network each.
        frame_length, frame_step: ints, samples per STFT frame and from one frame to the next;
            `frame_step` divides `frame_length`, at least twice. Those of the training.
        patch_frames: int, frames the networks see at once.
        patch_shift: int, frames from one patch to the next; divides `patch_frames`. Overlapping
            patches are averaged.
        source_patches: dict of `source: (patch_frames, patch_shift)` for the sources with other patches
            than the rest, or None. The official code gives `{"bass": (384, 192)}`.
        num_bins: int, the lowest bins that are given to the networks; the magnitudes above are the
            mixture's in every source. None: the networks get (and give) all bins.
        flip_channels: bool, whether each patch is also passed through with its two channels swapped,
            and the two estimates averaged. Takes twice the time.
        wiener: bool, whether a multichannel Wiener filter refines the estimates; needs a network for
            every source of the mixture, and one or two channels.
        wiener_block_secs: float, length over which the filter takes its statistics. Longer songs are
            split into equal blocks of at most this length, which bounds the memory: a block holds
            the magnitudes of all sources (170 MB for 60 s, four sources, 2049 bins, stereo).
        padding: what the STFT sees beyond the song's ends: `"reflect"` as in training, or `"zeros"`.
        patches_per_batch: int, patches passed through a network at once.

    Raises:
        ValueError: a value out of range, or values that do not fit each other.

    Example:

    >>> from keras_d3.settings import SpectrogramSeparatorConfig
    >>> SpectrogramSeparatorConfig(44100, 2, ("vocals",), 4096, 1024, 256, 128, wiener=False).wiener
    False
    """

    kind: ClassVar[str] = "spectrogram"

    sample_rate_hz: int
    channels: int
    sources: tuple[str, ...]
    frame_length: int
    frame_step: int
    patch_frames: int
    patch_shift: int
    source_patches: dict | None = None
    num_bins: int | None = None
    flip_channels: bool = False
    wiener: bool = True
    wiener_block_secs: float = 60.0
    padding: str = "reflect"
    patches_per_batch: int = 4

    def __post_init__(self):
        _check_common(self)
        for name in ("frame_length", "frame_step", "patch_frames", "patch_shift", "patches_per_batch"):
            check_positive_int(name, getattr(self, name))
        check_frames(self.frame_length, self.frame_step)
        if self.patch_frames % self.patch_shift:
            raise ValueError(
                "`patch_shift` must divide `patch_frames`, so that every frame is covered equally often. "
                f"Received: patch_frames={self.patch_frames}, patch_shift={self.patch_shift}. "
                "Choose patch_frames // 2, for example."
            )
        object.__setattr__(self, "source_patches", _checked_patches(self.source_patches, self.sources))
        bins = self.frame_length // 2 + 1
        if self.num_bins is not None and check_positive_int("num_bins", self.num_bins) > bins:
            raise ValueError(
                f"`num_bins` must be at most the {bins} bins of the STFT, or None for all. Received: "
                f"num_bins={self.num_bins}, frame_length={self.frame_length}."
            )
        _check_bool("flip_channels", self.flip_channels)
        _check_bool("wiener", self.wiener)
        if self.flip_channels and self.channels != 2:
            raise ValueError(
                "`flip_channels` must be False unless there are two channels to swap. Received: "
                f"flip_channels=True, channels={self.channels}."
            )
        if self.wiener and len(self.sources) < 2:
            raise ValueError(
                "`wiener` must be False for a single source: the filter weighs every source of the mixture "
                f"against the others. Received: wiener=True, sources={self.sources!r}. "
                "Set wiener=False, or give a network for every source."
            )
        if self.wiener and self.channels > 2:
            raise ValueError(
                "`wiener` must be False for more than two channels: the filter inverts matrices of one or "
                f"two channels. Received: wiener=True, channels={self.channels}."
            )
        if isinstance(self.wiener_block_secs, bool) or not self.wiener_block_secs > 0:
            raise ValueError(
                "`wiener_block_secs` must be a positive number of seconds. Received: "
                f"wiener_block_secs={self.wiener_block_secs!r}."
            )

    @property
    def network_names(self):
        """Names of the separator's networks, a tuple: one per source, with its name."""
        return self.sources

    def patches_of(self, source):
        """Returns `(patch_frames, patch_shift)` of a source."""
        return (self.source_patches or {}).get(source, (self.patch_frames, self.patch_shift))

    def at_quality(self, quality):
        """Returns the settings of a quality.

        `"best"` are these settings, `"fast"` those without channel flips and with patches end to end
        (`patch_shift = patch_frames` for every source). Everything else is equal.

        Raises:
            ValueError: `quality` is neither.
        """
        if check_choice("quality", quality, QUALITIES) == "best":
            return self
        patches = {source: (frames, frames) for source, (frames, _) in (self.source_patches or {}).items()}
        return dataclasses.replace(
            self, flip_channels=False, patch_shift=self.patch_frames, source_patches=patches or None
        )


def _check_common(config):
    check_sample_rate("sample_rate_hz", config.sample_rate_hz)
    check_positive_int("channels", config.channels)
    check_choice("padding", config.padding, PADDINGS)
    sources = config.sources
    is_sequence = isinstance(sources, (list, tuple)) and all(
        isinstance(name, str) and not set(name) & set("/\\\0") and name not in ("", ".", "..")
        for name in sources
    )
    if not is_sequence or not sources or len(set(sources)) != len(sources):
        raise ValueError(
            "`sources` must be a sequence of one or more different names that can be file names. Received: "
            f"sources={sources!r}."
        )
    object.__setattr__(config, "sources", tuple(sources))


def _checked_patches(patches, sources):
    """Returns `source_patches` as a dict of pairs, or None where no source has patches of its own."""
    if not patches:
        return None
    if not isinstance(patches, dict):
        raise ValueError(
            "`source_patches` must be a mapping from sources to (patch_frames, patch_shift), or None. "
            f"Received: source_patches={patches!r}."
        )
    unknown = sorted(str(source) for source in set(patches) - set(sources))
    if unknown:
        raise ValueError(
            "`source_patches` must have the names of `sources` only. Received: source_patches of "
            f"{', '.join(unknown)}, sources={sources!r}."
        )
    checked = {}
    for source, pair in patches.items():
        name = f"source_patches[{source!r}]"
        frames, shift = check_int_tuple(name, pair, 2)
        if frames % shift:
            raise ValueError(
                f"`{name}` must be (patch_frames, patch_shift), where the second divides the first. "
                f"Received: {name}={pair!r}. Choose ({frames}, {frames} // 2), for example."
            )
        checked[source] = (frames, shift)
    return checked


def _check_bool(name, value):
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}.")


SeparatorConfig = WaveformSeparatorConfig | SpectrogramSeparatorConfig
