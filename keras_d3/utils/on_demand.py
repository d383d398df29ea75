"""Packages whose modules load when a name of theirs is first asked for."""

import ast
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

from keras_d3.utils.optional_packages import optional_package


def names_on_demand(package: str) -> Callable[[str], Any]:
    """Returns the `__getattr__` of a package whose `__init__` imports below `if TYPE_CHECKING:` alone.

    Those imports are the list of the package's names, for readers and type checkers as for this function: it
    reads them from the source. So a command that needs one name does not load the frameworks of the others.

    Args:
        package: string, the package's `__name__`.

    Returns:
        Function of a name; it raises AttributeError for names that are not there, and ModuleNotFoundError
        with the extra to be installed where TensorFlow is missing.

    Example:

    >>> names_on_demand("keras_d3.export")("METADATA_FILE").name
    'metadata.json'
    """

    def load(name):
        module = _modules(package).get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name == "tensorflow":
                optional_package("tensorflow", "tensorflow", "This part of keras_d3")
            raise
        setattr(sys.modules[package], name, value)
        return value

    return load


@functools.cache
def _modules(package):
    """dict of name -> module, of the imports in a package's `__init__`."""
    spec = importlib.util.find_spec(package)
    source = spec.loader.get_source(package)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in imports for alias in node.names}
