"""Bands and final block of a multi-band network on spectrograms, as checked settings."""

import dataclasses

from keras_d3.settings import from_dict
from keras_d3.utils import check_int_tuple, check_positive_int


@dataclasses.dataclass(frozen=True)
class Band:
    """A range of frequency bins and the U-Net of dense blocks that reads it.

    Args:
        name: string, prefix of the layers' names.
        num_bins: int, width of the band; bands follow each other from bin 0 upwards. None, for the
            full-band network only, takes all bins that the bands cover.
        filters: int, output maps of the first convolution.
        blocks: an odd number of dense blocks, each as `(growth_rate, num_layers)` or
            `(growth_rate, num_layers, num_blocks)`: those of the down path, the deepest one, those
            of the up path.
        kernel_size: int or (frames, bins), kernel of the dense layers.
        first_kernel_size: kernel of the first convolution; None for `kernel_size`.
        upsample_compression: number of maps after an up-sampling over that before it, rounded up;
            one number, or one per up-sampling.

    Raises:
        ValueError: an argument breaks its rule; the message names the band.
    """

    name: str
    num_bins: int | None
    filters: int
    blocks: tuple
    kernel_size: int | tuple = 3
    first_kernel_size: int | tuple | None = None
    upsample_compression: float | tuple = 1.0

    def __post_init__(self):
        where = f"band {self.name!r}"
        if self.num_bins is not None:
            check_positive_int(f"num_bins of {where}", self.num_bins)
        check_positive_int(f"filters of {where}", self.filters)
        kernel_size = check_int_tuple(f"kernel_size of {where}", self.kernel_size, 2)
        first = self.first_kernel_size
        first = kernel_size if first is None else check_int_tuple(f"first_kernel_size of {where}", first, 2)
        blocks = _check_blocks(where, self.blocks)
        compression = self.upsample_compression
        if isinstance(compression, (int, float)):
            compression = (compression,) * (len(blocks) // 2)
        compression = tuple(compression)
        if len(compression) != len(blocks) // 2 or any(not 0 < value <= 1 for value in compression):
            raise ValueError(
                f"`upsample_compression` of {where} must be a number in (0, 1], or one per up-sampling "
                f"({len(blocks) // 2}). Received: upsample_compression={self.upsample_compression!r}."
            )
        for field, value in (
            ("kernel_size", kernel_size),
            ("first_kernel_size", first),
            ("blocks", blocks),
            ("upsample_compression", compression),
        ):
            object.__setattr__(self, field, value)

    @property
    def num_poolings(self):
        """How many times the network halves both axes."""
        return len(self.blocks) // 2

    @property
    def output_maps(self):
        """Growth rate of the last dense block."""
        return self.blocks[-1][0]


def to_band(value, name):
    """Returns `value` as a `Band`; a dict without a name gets `name`.

    Args:
        value: `Band`, or dict of its arguments.
        name: string.

    Raises:
        ValueError: unknown or missing keys, or a value that breaks its rule.
    """
    if isinstance(value, Band):
        return value
    if isinstance(value, dict):
        value = {"name": name, **value}
        name = value["name"]
    return from_dict(Band, value, f"band {name!r}")


def to_bands(values):
    """Returns a tuple of bands; nameless ones are called low and high, or band_1, band_2, ...

    Args:
        values: sequence of `Band`s or dicts of their arguments, or None.

    Raises:
        ValueError: a band breaks its rule, or has no number of bins.
    """
    values = tuple(values or ())
    names = ("low", "high") if len(values) == 2 else [f"band_{index + 1}" for index in range(len(values))]
    bands = tuple(to_band(value, name) for value, name in zip(values, names, strict=True))
    for band in bands:
        if band.num_bins is None:
            raise ValueError(
                f"`num_bins` of band {band.name!r} must be an integer: only the full-band network may take "
                "what the others cover. Received: num_bins=None."
            )
    return bands


def check_bands(bands, full_band, num_bins):
    """Returns bands and full band as `Band`s that fit each other and the spectrogram.

    Args:
        bands: sequence of `Band`s or dicts of their arguments, or `()`.
        full_band: `Band` or dict, or None.
        num_bins: int, bins of the spectrogram.

    Returns:
        Tuple of `Band`s, and a `Band` or None.

    Raises:
        ValueError: no band at all, more bins than the spectrogram has, two bands of one name, or a
            full band that does not cover the same bins as the others together.
    """
    bands = to_bands(bands)
    full_band = None if full_band is None else to_band(full_band, "full")
    if not bands and full_band is None:
        raise ValueError(
            "`bands` and `full_band` must not both be empty. Received: bands=(), full_band=None."
        )
    names = [band.name for band in (*bands, full_band) if band is not None]
    if len(set(names)) < len(names):
        raise ValueError(f"`bands` must have names of their own. Received: names {', '.join(names)}.")
    modeled = sum(band.num_bins for band in bands) if bands else full_band.num_bins or num_bins
    if bands and full_band is not None and full_band.num_bins not in (None, modeled):
        raise ValueError(
            f"`full_band` must cover the bins of all bands together, {modeled}. "
            f"Received: num_bins={full_band.num_bins}. Leave it None."
        )
    if modeled > num_bins:
        raise ValueError(
            "`bands` must fit into the spectrogram. "
            f"Received: {modeled} bins in the bands, num_bins={num_bins}."
        )
    return bands, full_band


def _check_blocks(where, blocks):
    blocks = tuple(tuple(block) for block in blocks)
    if len(blocks) % 2 == 0:
        raise ValueError(
            f"`blocks` of {where} must be an odd number of blocks: down path, deepest block, up path. "
            f"Received: {len(blocks)} blocks."
        )
    if any(len(block) not in (2, 3) for block in blocks):
        raise ValueError(
            f"`blocks` of {where} must be (growth_rate, num_layers) or (growth_rate, num_layers, num_blocks) "
            f"each. Received: blocks={blocks}."
        )
    return tuple(
        tuple(check_positive_int(f"blocks of {where}", item) for item in (*block, 1)[:3]) for block in blocks
    )


@dataclasses.dataclass(frozen=True)
class FinalBlock:
    """The dense block after the bands are merged.

    Args:
        growth_rate: int, maps per layer.
        num_layers: int, number of layers.
        kernel_size: int or (frames, bins).

    Raises:
        ValueError: an argument breaks its rule.
    """

    growth_rate: int
    num_layers: int
    kernel_size: int | tuple = 3

    def __post_init__(self):
        check_positive_int("growth_rate of the final block", self.growth_rate)
        check_positive_int("num_layers of the final block", self.num_layers)
        kernel_size = check_int_tuple("kernel_size of the final block", self.kernel_size, 2)
        object.__setattr__(self, "kernel_size", kernel_size)


def to_final_block(value):
    """Returns `value` as a `FinalBlock`, or None.

    Args:
        value: `FinalBlock`, or dict of its arguments, or None.

    Raises:
        ValueError: unknown or missing keys, or a value that breaks its rule.
    """
    if value is None or isinstance(value, FinalBlock):
        return value
    return from_dict(FinalBlock, value, "final_block")
