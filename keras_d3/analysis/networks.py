"""Networks from `.keras` files."""

from pathlib import Path

# Loading looks layers up by name; importing these packages registers them.
import keras_d3.blocks
import keras_d3.layers  # noqa: F401
from keras_d3 import models


def load_network(path):
    """Loads a network from a `.keras` file, without what its training needs.

    Args:
        path: str or Path of the file.

    Returns:
        `keras.Model`.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: the file is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"No network at `{path}`. Give a .keras file, or a run directory, made by "
            "`python -m recipes.<name>.train`."
        )
    return models.load_network(path)
