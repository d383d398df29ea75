"""Parameter files of the official D3Net codes, as NNabla saves them."""

from pathlib import Path

import h5py


def read_parameters(h5_path, scope=None):
    """Returns {name: array} of a parameter file, or of one of its root scopes (names after the scope).

    Raises:
        FileNotFoundError: there is no file at `h5_path`.
        ValueError: the file is no HDF5 file, or has no such scope.
    """
    path = Path(h5_path)
    if not path.is_file():
        raise FileNotFoundError(
            "`h5_path` must be the authors' parameter file. No file is there. "
            f"Received: h5_path={str(path)!r}."
        )
    try:
        with h5py.File(path, "r") as file:
            if scope is not None and not isinstance(file.get(scope), h5py.Group):
                raise ValueError(
                    f"`scope` must be a root scope of the file. Received: scope={scope!r}. "
                    f"`{path}` has: {', '.join(file)}."
                )
            tensors = {}
            (file if scope is None else file[scope]).visititems(
                lambda name, item: (
                    tensors.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
    except OSError as error:
        raise ValueError(
            f"`h5_path` must be an HDF5 file. Received: h5_path={str(path)!r} ({error}). Get it again."
        ) from error
    return tensors


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
