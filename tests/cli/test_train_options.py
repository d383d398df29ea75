"""`python -m recipes.<name>.train --show`, and what commands and configs import."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(path.parent.name for path in (ROOT / "recipes").glob("*/config.py"))
NO_FRAMEWORK = (
    "import sys; sys.exit(', '.join({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)) or 0)"
)


def python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("recipe", RECIPES)
def test_configs_and_help_import_no_framework(recipe):
    code = "\n".join(
        (
            "import contextlib, io, sys",
            f"from recipes.{recipe}.config import RECIPE",
            "from keras_d3.cli import evaluate_command, evaluate_segmentation_command, train_command",
            "for command in (train_command, evaluate_command, evaluate_segmentation_command):",
            "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:",
            "        command(RECIPE, ['--help'])",
            "    assert '--run-dir' in out.getvalue()",
            "with contextlib.redirect_stdout(io.StringIO()) as out:",
            "    assert train_command(RECIPE, ['--show', '--set', 'training.seed=7']) == 0",
            "assert 'training.seed = 7\\n    int: ' in out.getvalue(), out.getvalue()",
            NO_FRAMEWORK,
        )
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("recipe", RECIPES)
def test_show_tells_every_key_with_type_and_meaning(recipe):
    from importlib import import_module

    from keras_d3.settings import described_fields

    config = import_module(f"recipes.{recipe}.config").RECIPE.config("tiny")
    rows = described_fields(config)
    assert len(rows) > 30 and len({key for key, *_ in rows}) == len(rows)
    for key, _, kind, meaning in rows:
        assert kind and meaning, key


def test_what_training_needs_is_asked_for(capsys):
    from keras_d3.cli import train_command
    from recipes.wave_u_net.config import RECIPE

    with pytest.raises(SystemExit):
        train_command(RECIPE, ["--config", "tiny"])
    assert "required: --data, --run-dir (or --show)" in capsys.readouterr().err
    assert train_command(RECIPE, ["--show", "--set", "training.seed=x"]) == 1
    assert "`training.seed` must be an integer. Received: training.seed='x'" in capsys.readouterr().err
