"""Tensors of HDF5 files of strangers: values that lie in the file itself, of a size that it can hold."""

import math

import h5py

from keras_d3.convert.readers.tensor_table import TensorSizes

MAX_DEPTH = 64


class RefusedFileError(ValueError):
    """The file is whole, and asks for what no file of weights needs."""


def read_tensors(group: h5py.Group, sizes: TensorSizes) -> dict:
    """Returns {name: array} of every dataset below a group.

    HDF5 can point into other files, by links, external storage and virtual datasets, which would read any
    file of the user's as weights; and it can state sizes that nothing stands behind. Both are refused before
    any value is read.

    Args:
        group: `h5py.Group`.
        sizes: `TensorSizes` of the file.

    Raises:
        RefusedFileError: a tensor lies elsewhere, is no array of numbers, or is larger than the file can
            hold.
    """
    datasets = dict(_datasets(group, "", 0))
    for name, dataset in datasets.items():
        _check(name, dataset, sizes)
    return {name: dataset[()] for name, dataset in datasets.items()}


def own_item(group: h5py.Group, name: str):
    """Returns what a group has under a name, or None; links that lead elsewhere are refused."""
    link = group.get(name, getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        raise RefusedFileError(
            f"the tensor {name!r} must be in the file itself, and is behind a {type(link).__name__}"
        )
    return group.get(name)


def _datasets(group, prefix, depth):
    if depth > MAX_DEPTH:
        raise RefusedFileError(f"its groups are nested more than {MAX_DEPTH} times, at {prefix[:60]!r}")
    for name in group:
        item, path = own_item(group, name), f"{prefix}{name}"
        if isinstance(item, h5py.Group):
            yield from _datasets(item, f"{path}/", depth + 1)
        elif isinstance(item, h5py.Dataset):
            yield path, item


def _check(name, dataset, sizes):
    if dataset.is_virtual or dataset.external:
        raise RefusedFileError(f"the tensor {name!r} must be in the file itself; its values lie in others")
    if dataset.shape is None or dataset.dtype.kind not in "fiu":
        raise RefusedFileError(f"the tensor {name!r} must hold numbers. Received: {dataset.dtype}")
    itemsize = dataset.dtype.itemsize
    # A chunk is unpacked as a whole.
    num_bytes = max(math.prod(dataset.shape), math.prod(dataset.chunks or (0,))) * itemsize
    try:
        sizes.add(name, num_bytes)
    except ValueError as error:
        raise RefusedFileError(str(error)) from None
    if num_bytes and not dataset.id.get_storage_size():
        raise RefusedFileError(f"the tensor {name!r} has a shape, {dataset.shape}, and no values")
