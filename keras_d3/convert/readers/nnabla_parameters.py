"""Parameter files of the official D3Net codes, as NNabla saves them."""

from pathlib import Path

import h5py

from keras_d3.convert.readers.hdf5_tensors import RefusedFileError, own_item, read_tensors
from keras_d3.convert.readers.tensor_table import TensorSizes


def read_parameters(h5_path, scope=None):
    """Returns {name: array} of a parameter file, or of one of its root scopes (names after the scope).

    Raises:
        FileNotFoundError: there is no file at `h5_path`.
        ValueError: the file is no HDF5 file or damaged, has no such scope, or states tensors that lie in
            other files or that it cannot hold.
    """
    path = Path(h5_path)
    if not path.is_file():
        raise FileNotFoundError(
            "`h5_path` must be the authors' parameter file. No file is there. "
            f"Received: h5_path={str(path)!r}."
        )
    try:
        with h5py.File(path, "r") as file:
            group = file if scope is None else own_item(file, scope)
            if not isinstance(group, h5py.Group):
                raise RefusedFileError(
                    f"`scope` must be a root scope of the file. Received: scope={scope!r}. "
                    f"`{path}` has: {', '.join(file)}."
                )
            return read_tensors(group, TensorSizes(path.stat().st_size))
    except RefusedFileError as error:
        text = str(error)
        raise ValueError(text if text.startswith("`") else f"`{path}` is refused: {text}.") from error
    # A damaged file makes h5py raise nearly anything: OSError, RuntimeError, KeyError, MemoryError, ...
    except Exception as error:
        raise ValueError(
            f"`h5_path` must be an HDF5 file. Received: h5_path={str(path)!r} ({error}). Get it again."
        ) from error


def fill_norm(table, norm, scope):
    """Gives a normalization layer the four tensors below `scope` in a `TensorTable`."""
    for variable, name in (
        (norm.gamma, "gamma"),
        (norm.beta, "beta"),
        (norm.moving_mean, "mean"),
        (norm.moving_variance, "var"),
    ):
        table.assign(variable, f"{scope}/{name}")


def fill_conv(table, conv, scope):
    """Gives a convolution layer its kernel, and its bias where it has one."""
    # Convolutions (out, in, h, w) to (h, w, in, out), transposed ones (in, out, h, w) to
    # (h, w, out, in): the same permutation. In music, NNabla's height is time, its width frequency.
    table.assign(conv.kernel, f"{scope}/W", axes=(2, 3, 1, 0))
    if conv.bias is not None:
        table.assign(conv.bias, f"{scope}/b")
