"""Settings of written stems: which, in what format, under what names, and what part of a song."""

import dataclasses
import math
import string

from keras_d3.audio import AudioFormat
from keras_d3.utils import check_choice

RESTS = ("residual", "sum")
CLIPS = ("clamp", "rescale", "none")
RESIDUAL = "residual"
# What a template of file names may hold.
NAME_FIELDS = ("song", "stem", "model", "ext")


@dataclasses.dataclass(frozen=True)
class StemFilesConfig:
    """What is written of a separated song.

    Args:
        file_format: `"wav"`, `"flac"`, `"mp3"`, `"ogg"` or `"opus"`, see `AudioFormat`.
        subtype: sample format of wav and flac; None: 16 bits.
        bitrate_kbps: number, kbit/s of mp3, ogg and opus; None: libsndfile's.
        stems: tuple of the sources that are written; None: all of them.
        two_stems: a source S: S and `no_S` are written, nothing else; or None.
        rest: what `no_S` is: `"residual"`, the mixture minus S, so that the two add up to the song; or
            `"sum"`, the sum of the other sources.
        residual: bool, whether a further stem `residual` is written: the mixture minus the stems that are.
        name: template of file names below the output directory, with `{song}`, `{stem}`, `{model}` (the
            SavedModel's folder) and `{ext}`; `.{ext}` is appended where it is missing.
        clip: what becomes of samples beyond full scale. `"clamp"`: limited. `"rescale"`: all stems of a
            song are divided by one number, the largest magnitude, if that exceeds 1; their sum is then the
            mixture divided by it. `"none"`: kept, in formats that hold them. None: `"none"` for `FLOAT`,
            `"clamp"` for all others.
        start_secs: seconds of the song that are left out.
        duration_secs: seconds that are separated at most; None: to the end.

    Raises:
        ValueError: a value out of range, or two that contradict each other.

    Example:

    >>> from keras_d3.settings import StemFilesConfig
    >>> StemFilesConfig("flac", two_stems="vocals").relative_path("A - B", "no_vocals", "d3net")
    'A - B/no_vocals.flac'
    """

    file_format: str = "wav"
    subtype: str | None = None
    bitrate_kbps: float | None = None
    stems: tuple[str, ...] | None = None
    two_stems: str | None = None
    rest: str = "residual"
    residual: bool = False
    name: str = "{song}/{stem}"
    clip: str | None = None
    start_secs: float = 0.0
    duration_secs: float | None = None

    def __post_init__(self):
        audio_format = self.audio_format
        check_choice("rest", self.rest, RESTS)
        if self.clip is None:
            is_float = audio_format.subtype == "FLOAT"
            object.__setattr__(self, "clip", "none" if is_float else "clamp")
        check_choice("clip", self.clip, CLIPS)
        if self.clip == "none" and not audio_format.holds_all:
            raise ValueError(
                f"`clip` 'none' needs a format that holds samples beyond full scale. Received: subtype="
                f"{audio_format.subtype!r}. Write subtype FLOAT, or clip='rescale'."
            )
        if self.two_stems is not None and (self.stems is not None or self.residual):
            raise ValueError(
                "`two_stems` writes a source and the rest, so `stems` and `residual` do not go with it. "
                f"Received: two_stems={self.two_stems!r}, stems={self.stems!r}, residual={self.residual!r}."
            )
        if not 0 <= self.start_secs < math.inf:
            raise ValueError(f"`start_secs` must be at least 0. Received: start_secs={self.start_secs!r}.")
        if self.duration_secs is not None and not 0 < self.duration_secs < math.inf:
            raise ValueError(
                f"`duration_secs` must be above 0. Received: duration_secs={self.duration_secs!r}. Leave it "
                "out for all of the song."
            )
        self._check_name()

    @property
    def audio_format(self) -> AudioFormat:
        """The files' `AudioFormat`."""
        return AudioFormat(self.file_format, self.subtype, self.bitrate_kbps)

    @property
    def folder_template(self) -> str:
        """The template's folders; empty where the files lie in the output directory itself."""
        return self.name.rpartition("/")[0]

    def relative_path(self, song: str, stem: str, model: str = "") -> str:
        """Path of a stem below the output directory.

        Args:
            song, stem, model: strings, what the template's fields stand for; they lead nowhere upward.
        """
        suffix = self.audio_format.suffix
        name = self.name if "{ext}" in self.name else f"{self.name}.{{ext}}"
        return name.format(song=song, stem=stem, model=model, ext=suffix[1:])

    def _check_name(self):
        try:
            fields = [field for _, field, _, _ in string.Formatter().parse(self.name) if field is not None]
            self.name.format(**dict.fromkeys(NAME_FIELDS, "x"))
        except (ValueError, KeyError, IndexError, AttributeError) as error:
            raise ValueError(
                f"`name` must be a template with {', '.join(f'{{{field}}}' for field in NAME_FIELDS)}. "
                f"Received: name={self.name!r} ({type(error).__name__}: {error})."
            ) from None
        if "stem" not in fields or not set(fields) <= set(NAME_FIELDS):
            raise ValueError(
                "`name` must hold {stem}, or the stems would replace each other. Received: "
                f"name={self.name!r}, fields {fields}."
            )
        parts = self.name.replace("\\", "/").split("/")
        if any(part.strip(".") == "" for part in parts) or "\\" in self.name or ":" in self.name:
            raise ValueError(
                "`name` must be a path below the output directory: not absolute, without '..', '\\' and ':'. "
                f"Received: name={self.name!r}."
            )
