"""The authors' weights of D3Net for music as one separator."""

import logging

from keras_d3.convert.d3net_music import TARGETS, d3net_music_from_official
from keras_d3.convert.official_settings import find_official_settings, read_official_settings
from keras_d3.convert.readers.weight_files import find_weight_files
from keras_d3.models import find_preset
from keras_d3.settings import SpectrogramSeparatorConfig
from keras_d3.utils import sha256_of_file

# Of the training. The official separator takes songs of any rate as they are.
SAMPLE_RATE_HZ = 44_100
DEFAULT_PATCHES = (256, 128)
# (test_patch_len, out_shift) of the official separator, where they are others.
PATCHES = {"bass": (384, 192)}

logger = logging.getLogger(__name__)


def d3net_music_separator(weights, configs_dir=None, sources=None, progress=None):
    """Makes the published separator from the authors' weight files.

    Section 6.2 of Takahashi and Mitsufuji, 2021, "Densely connected multidilated convolutional
    networks for dense prediction tasks" (https://arxiv.org/abs/2011.11844), with the settings of the
    official separator (sony/ai-research-code): STFT 4096/1024 with reflected ends, patches of 256 frames
    at distances of 128 (bass: 384 at 192), channel-swapped copies averaged, Wiener filter over all four
    sources. `SpectrogramGraph` tells the differences; besides, songs of other rates than 44,100 Hz are
    converted there and back.

    Args:
        weights: directory with `vocals.h5`, `drums.h5`, `bass.h5` and `other.h5`, whose root scope is
            the target; or a directory with one file (or that file) that holds all four scopes.
        configs_dir: directory with `<target>.yaml`, `.yml` or `.json` in the official keys, for weights
            with other settings than the published ones; targets without a file keep those. `fft_size`,
            `n_channels` and, if present, `hop_size` (else a quarter of `fft_size`), `test_patch_len` and
            `out_shift` are used for the separation.
        sources: sequence of targets, by default all four. With fewer there is no Wiener filter, because it
            would not be the published one; a warning says so (logger `keras_d3.experiments`).
        progress: function of a line of text, called before each step; or None.

    Returns:
        `Separator`. Its metadata's `recipe` names the files with their SHA-256 and their settings.

    Raises:
        FileNotFoundError: weights are missing, or `configs_dir` has no settings.
        ValueError: an unknown source; settings that are incomplete, or differ between the sources in
            what they share; tensors that are missing, left over or of another shape.

    Example:

    >>> separator = d3net_music_separator("weights")  # doctest: +SKIP
    >>> separator.export("d3net_official")  # doctest: +SKIP
    """
    # Separators and segmenters need TensorFlow; the networks alone run on every backend.
    from keras_d3.separation import Separator

    progress = progress or (lambda line: None)
    sources = _checked_sources(sources)
    files = find_weight_files(weights, sources)
    if configs_dir is not None and not any(find_official_settings(configs_dir, name) for name in sources):
        raise FileNotFoundError(
            f"No settings for {', '.join(sources)} in `configs_dir`: it would have <target>.yaml, .yml or "
            f".json. Received: configs_dir={str(configs_dir)!r}."
        )
    given = {source: _settings(configs_dir, source, progress) for source in sources}
    settings = {source: _separation_settings(source, given[source]) for source in sources}
    config = _separation(settings, sources)
    networks, origins, checksums = {}, {}, {}
    for source, file in files.items():
        progress(f"{source}: weights from {file}")
        networks[source] = d3net_music_from_official(given[source], file, source)
        if file not in checksums:
            checksums[file] = sha256_of_file(file)
        origins[source] = {"file": file.name, "sha256": checksums[file], "settings": settings[source]}
    recipe = {
        "recipe": "d3net_mss",
        "config": "official weights",
        "converted_from": "sony/ai-research-code, d3net/music-source-separation (NNabla parameters)",
        "weights": origins,
    }
    return Separator(networks, config, metadata={"recipe": recipe})


def _checked_sources(sources):
    if sources is None:
        return TARGETS
    sources = tuple(sources)
    unknown = [source for source in sources if source not in TARGETS]
    if unknown or not sources or len(set(sources)) < len(sources):
        raise ValueError(
            f"`sources` must be different ones of {', '.join(TARGETS)}. Received: sources={sources!r}."
        )
    return sources


def _settings(configs_dir, source, progress):
    path = None if configs_dir is None else find_official_settings(configs_dir, source)
    progress(f"{source}: settings {'of the official code' if path is None else f'from {path}'}")
    return None if path is None else read_official_settings(path)


def _separation_settings(source, settings):
    """Returns a target's settings with those that concern the separation, in the official keys."""
    patch_frames, patch_shift = PATCHES.get(source, DEFAULT_PATCHES)
    patches = {"test_patch_len": patch_frames, "out_shift": patch_shift}
    if settings is not None:
        return {**patches, **settings}
    preset = find_preset(f"d3net_{source}")
    return {
        "preset": preset.name,
        "fft_size": preset.stft["frame_length"],
        "hop_size": preset.stft["frame_step"],
        "n_channels": preset.merged_arguments()["num_channels"],
        **patches,
    }


def _separation(settings, sources):
    """The official separator's settings, as far as the targets' own do not say otherwise."""
    shared = {}
    for name in ("fft_size", "hop_size", "n_channels"):
        values = {source: settings[source].get(name) for source in sources}
        if len(set(values.values())) > 1:
            raise ValueError(
                f"`{name}` must be the same in the settings of all sources: they are separated in one STFT. "
                f"Received: {', '.join(f'{source} {value!r}' for source, value in values.items())}. "
                "Convert such sources one by one (`--sources`)."
            )
        shared[name] = values[sources[0]]
    missing = [name for name in ("fft_size", "n_channels") if shared[name] is None]
    if missing:
        raise ValueError(f"The settings must have the official key `{missing[0]}`. Received: none.")
    patches = {
        source: (settings[source]["test_patch_len"], settings[source]["out_shift"]) for source in sources
    }
    is_complete = set(sources) == set(TARGETS)
    if not is_complete:
        logger.warning(
            "Without %s the Wiener filter would not be the published one and is left out.",
            ", ".join(sorted(set(TARGETS) - set(sources))),
        )
    return SpectrogramSeparatorConfig(
        SAMPLE_RATE_HZ,
        shared["n_channels"],
        sources,
        frame_length=shared["fft_size"],
        frame_step=shared["hop_size"] or shared["fft_size"] // 4,
        patch_frames=DEFAULT_PATCHES[0],
        patch_shift=DEFAULT_PATCHES[1],
        source_patches={source: pair for source, pair in patches.items() if pair != DEFAULT_PATCHES},
        flip_channels=shared["n_channels"] == 2,
        wiener=is_complete,
        padding="reflect",
    )
