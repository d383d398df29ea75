"""The command `keras-d3`, and the commands of the recipes."""

from typing import TYPE_CHECKING

from keras_d3.utils import names_on_demand

if TYPE_CHECKING:
    from keras_d3.cli.claims import claims_command, claims_parser
    from keras_d3.cli.compare import compare_command, compare_parser
    from keras_d3.cli.parser import build_parser, main
    from keras_d3.cli.score_segmentation import evaluate_segmentation_command, evaluate_segmentation_parser
    from keras_d3.cli.score_separation import evaluate_command, evaluate_parser
    from keras_d3.cli.tables import tables_command, tables_parser
    from keras_d3.cli.train import train_command, train_parser

__all__ = [
    "build_parser",
    "claims_command",
    "claims_parser",
    "compare_command",
    "compare_parser",
    "evaluate_command",
    "evaluate_parser",
    "evaluate_segmentation_command",
    "evaluate_segmentation_parser",
    "main",
    "tables_command",
    "tables_parser",
    "train_command",
    "train_parser",
]

__getattr__ = names_on_demand(__name__)
