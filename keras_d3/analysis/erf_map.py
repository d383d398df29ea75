"""The map of an effective receptive field and the numbers taken from it."""

import dataclasses
import functools

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class EffectiveReceptiveField:
    """An effective receptive field: how much each input position counts for one output position.

    Args:
        map: float64 array, (time,) or (height, width): absolute gradients, averaged over the inputs and
            summed over the channels. Exactly 0: no path with a weight other than 0.
        position: tuple of ints, the position in `map` that corresponds to the output position.
        num_inputs: int, number of inputs averaged over.
        theoretical: tuple of ints, positions that kernels and dilations reach on each axis for this output
            position (borders not subtracted), or None where a layer has no rule.
        lattice_rate: tuple of ints, dilation rate per axis for `off_lattice_energy`; or None.

    Example:

    >>> import numpy as np
    >>> from keras_d3.analysis import EffectiveReceptiveField
    >>> field = EffectiveReceptiveField(
    ...     map=np.array([0, 1.0, 0, 2.0, 0, 1.0, 0]), position=(3,), num_inputs=1, lattice_rate=(2,)
    ... )
    >>> field.bounding_box, field.zero_fraction, field.off_lattice_energy, field.radii
    (((1, 5),), 0.4, 0.0, {50: 0.0, 90: 2.0, 99: 2.0})
    """

    map: np.ndarray
    position: tuple
    num_inputs: int
    theoretical: tuple | None = None
    lattice_rate: tuple | None = None

    @functools.cached_property
    def bounding_box(self):
        """Per axis the first and last position that is not exactly 0; None for a map of zeros."""
        places = np.nonzero(self.map)
        if not len(places[0]):
            return None
        return tuple((int(axis.min()), int(axis.max())) for axis in places)

    @functools.cached_property
    def zero_fraction(self):
        """Share of exact zeros within the bounding box; None for a map of zeros."""
        if self.bounding_box is None:
            return None
        inside = self.map[tuple(slice(first, last + 1) for first, last in self.bounding_box)]
        return float(np.mean(inside == 0))

    @functools.cached_property
    def off_lattice_energy(self):
        """Share of the map's sum off the lattice that `lattice_rate` spans around `position`.

        The lattice holds the positions whose distance from `position` is a multiple of the rate on every
        axis: all that a dilated convolution reads. None without a rate, or for a map of zeros.
        """
        total = self.map.sum()
        if self.lattice_rate is None or total == 0:
            return None
        # The lattice's first position on each axis.
        starts = (place % rate for place, rate in zip(self.position, self.lattice_rate, strict=True))
        steps = zip(starts, self.lattice_rate, strict=True)
        off = self.map.copy()
        off[tuple(slice(start, None, rate) for start, rate in steps)] = 0
        return float(off.sum() / total)

    @functools.cached_property
    def radii(self):
        """Smallest distances from `position` within which 50, 90 and 99 % of the map's sum lie.

        Distances are absolute in one, Euclidean in two dimensions. None for a map of zeros.
        """
        total = self.map.sum()
        if total == 0:
            return None
        grids = np.ogrid[tuple(slice(-place, size - place) for place, size in self._places_and_sizes())]
        distances = np.sqrt(sum(np.square(grid, dtype="float64") for grid in grids)).ravel()
        order = np.argsort(distances, kind="stable")
        held = np.cumsum(self.map.ravel()[order]) / total
        # The tolerance keeps rounding from moving the last position beyond the end.
        found = {share: np.searchsorted(held, share / 100 - 1e-12) for share in (50, 90, 99)}
        return {share: float(distances[order[index]]) for share, index in found.items()}

    def _places_and_sizes(self):
        return zip(self.position, self.map.shape, strict=True)

    def to_dict(self):
        """Returns all numbers, without the map, for JSON."""
        return {
            "num_inputs": self.num_inputs,
            "map_size": list(self.map.shape),
            "position": list(self.position),
            "theoretical_field": None if self.theoretical is None else list(self.theoretical),
            "bounding_box": None if self.bounding_box is None else [list(ends) for ends in self.bounding_box],
            "zero_fraction_in_bounding_box": self.zero_fraction,
            "lattice_rate": None if self.lattice_rate is None else list(self.lattice_rate),
            "off_lattice_energy": self.off_lattice_energy,
            "radius": None if self.radii is None else {f"{k}%": value for k, value in self.radii.items()},
        }


class MeanMap:
    """The mean of maps of different sizes, aligned at one position; beyond its border a map counts as 0.

    Example:

    >>> import numpy as np
    >>> mean = MeanMap()
    >>> mean.add(np.array([1.0, 2.0, 3.0]), (1,))
    >>> mean.add(np.array([4.0, 2.0, 2.0, 2.0]), (1,))
    >>> mean.map.tolist(), mean.origin, mean.count
    ([2.5, 2.0, 2.5, 1.0], (1,), 2)
    """

    def __init__(self):
        self.count, self.origin, self._total = 0, None, None

    def add(self, values, origin):
        """Adds a map; `origin`, a tuple of ints, is its position that is aligned with the others'."""
        if self._total is None:
            self._total, self.origin = np.zeros(values.shape), tuple(origin)
        before = [max(0, new - old) for new, old in zip(origin, self.origin, strict=True)]
        starts = [max(0, old - new) for new, old in zip(origin, self.origin, strict=True)]
        after = [
            max(0, start + size - (lead + old_size))
            for start, size, lead, old_size in zip(
                starts, values.shape, before, self._total.shape, strict=True
            )
        ]
        if any(before) or any(after):
            self._total = np.pad(self._total, list(zip(before, after, strict=True)))
            self.origin = tuple(old + lead for old, lead in zip(self.origin, before, strict=True))
        inside = tuple(slice(s, s + size) for s, size in zip(starts, values.shape, strict=True))
        self._total[inside] += values
        self.count += 1

    @property
    def map(self):
        return self._total / self.count
