"""Counts files, function bodies, parameters and docstrings of the code below a directory.

python docs/count_code.py keras_d3
"""

import argparse
import ast
import statistics
from pathlib import Path


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="+", type=Path)
    files = sorted(
        path for directory in parser.parse_args(arguments).directories for path in directory.rglob("*.py")
    )
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    functions = [
        (path, node)
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    bodies = {(path, node.name, node.lineno): body_lines(node) for path, node in functions}
    parameters = {(path, node.name, node.lineno): num_parameters(node) for path, node in functions}
    public = [node for _, node in functions if not node.name.startswith("_")]
    documented = sum(ast.get_docstring(node) is not None for node in public)
    print(f"files, lines:               {len(files)}, {sum(lengths.values())}")
    print(f"median, largest file:       {statistics.median(lengths.values()):.0f}, {largest(lengths)}")
    print(f"median, longest body:       {statistics.median(bodies.values()):.0f}, {largest(bodies)}")
    print(f"bodies above 50 lines:      {sum(lines > 50 for lines in bodies.values())} of {len(bodies)}")
    print(f"longest parameter list:     {largest(parameters)}")
    print(f"public with a docstring:    {documented / len(public):.0%} of {len(public)}")


def body_lines(function):
    """Lines of a function below its signature and docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def num_parameters(function):
    """Parameters of a function without `self` and `cls`."""
    arguments = function.args
    named = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    others = (arguments.vararg is not None) + (arguments.kwarg is not None)
    return len([name for name in named if name not in ("self", "cls")]) + others


def largest(counts):
    """The largest count and where it stands."""
    place = max(counts, key=counts.get)
    where = place if isinstance(place, Path) else f"{place[0]}:{place[1]}"
    return f"{counts[place]} ({where})"


if __name__ == "__main__":
    main()
