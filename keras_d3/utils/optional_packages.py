"""Packages of extras: imported where they are needed, with an error that says how to get them."""

import importlib
from types import ModuleType

# Of extras whose packages do not go with those of constraints.txt.
CONSTRAINTS = {"beam": "constraints-beam.txt"}


def optional_package(name: str, extra: str, needed_for: str) -> ModuleType:
    """Imports a package that belongs to an extra of keras-d3.

    Args:
        name: string, the module's name.
        extra: string, the extra in setup.cfg that installs it.
        needed_for: string, its use here; begins the error.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: it is not installed, or does not load.

    Example:

    >>> optional_package("json", "export", "Reading").loads("[1]")
    [1]
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{needed_for} needs the package `{name}`, which does not load here ({error}). Install the extra "
            f"`{extra}`: pip install 'keras-d3[{extra}]', in a checkout "
            f"pip install --constraint {CONSTRAINTS.get(extra, 'constraints.txt')} --editable '.[{extra}]'."
        ) from error
