"""The version of the code that decides what a run reaches, whatever else is committed."""

import ast
import functools
import hashlib
from pathlib import Path

import keras_d3

# What is computed, trained, applied and scored. Pages, commands and documents are not among them.
DECIDING = (
    "audio", "blocks", "data", "evaluation", "images", "layers", "models", "ops", "segmentation",
    "separation", "training",
)  # fmt: skip


@functools.cache
def code_version() -> str:
    """Returns 12 hexadecimal digits: a checksum of the code of `DECIDING`, without docstrings and comments.

    A commit that changes a page or a ledger does not change it, so the runs before and after are of the same
    code. It is that of one version of Python: syntax trees are written out as that version does.
    """
    root = Path(keras_d3.__file__).parent
    digest = hashlib.sha256()
    for package in DECIDING:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode("utf-8"))
            digest.update(code_without_comments(path.read_text(encoding="utf-8")).encode("utf-8"))
    return digest.hexdigest()[:12]


def code_without_comments(text: str) -> str:
    """Returns Python code without comments, docstrings and layout."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))
