"""Every command in README, docs and the recipes' pages: read by the parser that would run it, and not run.

Commands are the lines of fenced blocks, and code in running text that has an option. Configs, presets,
benchmark cases, make targets and scripts that they name have to exist.
"""

import argparse
import importlib
import re
import runpy
import shlex
import sys
import warnings
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("recipes/*/README.md"),
        ROOT / "tests/golden/README.md",
    )
)
# Programs and modules of others.
FOREIGN = ("cd", "git", "pip", "sh")
FOREIGN_MODULES = ("pip", "pytest", "ruff")
PROGRAMS = ("keras-d3", "python", "make")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class _Parsed(BaseException):
    """Ends a command once its arguments are read; no error, so that nothing catches it."""


def _blocks(text):
    """Yields the fenced blocks of commands, those without a language."""
    for language, block in _FENCE.findall(text):
        if language in ("", "sh", "bash", "console"):
            yield block.replace("\\\n", " ")


def _commands(path):
    """Lists the commands of a page as words, without assignments and folders before the program."""
    text = path.read_text(encoding="utf-8")
    found = []
    for block in _blocks(text):
        for line in block.splitlines():
            for part in line.split(" && "):
                words = shlex.split(part.removeprefix("$ "), comments=True)
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                    words = words[1:]
                if words and not words[0].startswith("--"):
                    found.append([words[0].rpartition("bin/")[2], *words[1:]])
    for code in _INLINE.findall(_FENCE.sub("", text)):
        if code.startswith(("keras-d3 ", "python -m ")) and " --" in code and "<" not in code:
            # N stands for a number.
            found.append(["1" if word == "N" else word for word in shlex.split(code)])
    return found


def _parse(words, monkeypatch):
    """Reads a command by its own parser and returns the options; fails where the parser refuses it."""

    def parse_and_stop(parser, arguments=None, namespace=None):
        raise _Parsed(read(parser, arguments, namespace))

    read = argparse.ArgumentParser.parse_args
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    module = "keras_d3.cli" if words[0] == "keras-d3" else words[2]
    monkeypatch.setattr(sys, "argv", [module, *words[1 if words[0] == "keras-d3" else 3 :]])
    try:
        with warnings.catch_warnings():
            # Of modules that another test has imported.
            warnings.filterwarnings("ignore", "'.*' found in sys.modules", RuntimeWarning)
            runpy.run_module(module, run_name="__main__", alter_sys=False)
    except _Parsed as parsed:
        return module, parsed.args[0]
    raise AssertionError(f"{shlex.join(words)} parses no arguments")


def _recipe(name):
    return importlib.import_module(f"recipes.{name}.config").RECIPE


def _check_names(module, options):
    """Checks what the options of a command name."""
    from keras_d3 import models

    options = vars(options)
    if match := re.fullmatch(r"recipes\.(\w+)\.train", module):
        sources = options["sources"]
        sources = tuple(sources.split(",") if isinstance(sources, str) else sources) if sources else None
        _recipe(match[1]).config(options["config"], options["set"], sources, options["target"])
    elif module == "recipes.compare":
        from recipes.all_recipes import RECIPES

        recipes = options["recipes"] or [recipe.name for recipe in RECIPES]
        sets = {name for recipe in recipes for name in _recipe(recipe).comparisons}
        assert options["config"] in (None, *sets), f"{options['config']} is not among {sorted(sets)}"
    elif module == "recipes.claims":
        from keras_d3.claims import named_claims, selected_claims
        from recipes.all_recipes import RECIPES

        assert selected_claims(named_claims(RECIPES), options["names"])
    elif module == "recipes.tables":
        for name in options["names"]:
            recipe, _, table = name.partition("/")
            assert name == "all" or _recipe(recipe).table(table)
    elif module == "benchmarks":
        from benchmarks.cases import all_cases

        names = [case.name for case in all_cases()]
        for pattern in options.get("cases") or ():
            assert any(fnmatch(name, pattern) for name in names), f"no case is called {pattern}"
    elif options.get("command") == "pull":
        from keras_d3.pretrained import published_models

        assert set(options["names"]) <= set(published_models())
    elif options.get("command") in ("models", "erf"):
        name = options.get("name") or options.get("network")
        assert name in (None, "smoothed", "d2-block", *models.presets()), f"{name} is no preset"
    elif options.get("network") == "wave-u-net":
        from keras_d3.convert.wave_u_net_settings import NAMED_CONFIGS

        assert options["config"] in NAMED_CONFIGS, f"{options['config']} is no config of the authors"


COMMANDS = [
    pytest.param(words, id=f"{path.relative_to(ROOT)}: {shlex.join(words)}")
    for path in PAGES
    for words in _commands(path)
]


@pytest.mark.parametrize("words", COMMANDS)
def test_command(words, monkeypatch, capsys):
    if words[0] == "make":
        targets = re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
    elif words[0] == "python" and words[1] != "-m":
        assert (ROOT / words[1]).is_file()
    elif words[0] == "sh":
        assert (ROOT / words[1]).is_file()
    elif words[0] in FOREIGN or (words[0] == "python" and words[2] in FOREIGN_MODULES):
        pass
    else:
        assert words[0] in PROGRAMS, f"{words[0]} is none of the programs that this test knows"
        pytest.importorskip("tensorflow")
        try:
            module, options = _parse(words, monkeypatch)
        except SystemExit:
            pytest.fail(f"{shlex.join(words)}: {capsys.readouterr().err.strip()}")
        _check_names(module, options)


@pytest.mark.parametrize("path", sorted(ROOT.glob("recipes/*/README.md")), ids=lambda path: path.parent.name)
def test_settings_of_a_recipe(path):
    """Lines of fenced blocks that begin with `--set` change a config of the recipe."""
    pytest.importorskip("tensorflow")
    recipe = _recipe(path.parent.name)
    for block in _blocks(path.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("--set "):
                recipe.config(next(iter(recipe.configs)), shlex.split(line, comments=True)[1::2])


def test_commands_are_found():
    assert len(COMMANDS) > 100
    assert {words.values[0][0] for words in COMMANDS} >= set(PROGRAMS)


@pytest.mark.parametrize(
    "command",
    [
        "keras-d3 separate song.wav --model M --out O --quality none",
        "keras-d3 unknown",
        "python -m recipes.wave_u_net.train --data D --run-dir R --no-such-flag",
    ],
)
def test_wrong_commands_are_refused(command, monkeypatch, capsys):
    pytest.importorskip("tensorflow")
    with pytest.raises(SystemExit):
        _parse(shlex.split(command), monkeypatch)


def test_a_config_that_does_not_exist_is_refused(monkeypatch):
    pytest.importorskip("tensorflow")
    words = shlex.split("python -m recipes.smoothed_dilated.train --data D --config none --run-dir R")
    with pytest.raises(ValueError, match="`config` must be one of"):
        _check_names(*_parse(words, monkeypatch))
