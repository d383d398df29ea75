"""Variables of TensorFlow 1's checkpoints by name, and the files that they are in."""

import math
import re
from pathlib import Path

from keras_d3.convert.readers.tensor_table import TensorSizes, TensorTable
from keras_d3.utils import path_without_brackets

# What optimizers and step counts add, in a scope or beside the weights.
_TRAINING_STATE = re.compile(
    r"(^|/)(global_step|beta[12]_power|(Adam|Momentum|RMSProp|Adagrad|Ftrl)(_\d+)?|ExponentialMovingAverage)$"
)
# Files of the second format, none of which is its path.
_PART = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")


def checkpoint_files(prefix):
    """Returns the files of a checkpoint that hold values.

    Args:
        prefix: path without `.index` (`tf.train.Saver`'s second format), or the one file of its first.

    Returns:
        List of `pathlib.Path`.

    Raises:
        FileNotFoundError: there is no checkpoint; the message names those beside it.
    """
    path = Path(prefix)
    if path.with_name(f"{path.name}.index").is_file():
        return sorted(path.parent.glob(f"{_escaped(path.name)}.data-*")) or [
            path.with_name(f"{path.name}.index")
        ]
    if path.is_file() and not _PART.search(path.name):
        return [path]
    folder = path if path.is_dir() else path.parent
    found = sorted(file.name.removesuffix(".index") for file in folder.glob("*.index"))
    hint = f" There are: {', '.join(found)}." if found else ""
    raise FileNotFoundError(
        "`checkpoint_prefix` must be the path of a TensorFlow checkpoint without `.index`. No file "
        f"`{path.name}.index` is there. Received: checkpoint_prefix={str(prefix)!r}.{hint}"
    )


def is_checkpoint(prefix):
    """Whether `prefix` is the path of a checkpoint of the second format, without `.index`."""
    path = Path(prefix)
    return path.with_name(f"{path.name}.index").is_file()


def read_checkpoint(prefix):
    """Returns the variables of a checkpoint that are no optimizer's and no step count.

    Args:
        prefix: see `checkpoint_files`.

    Returns:
        dict of `name -> array`.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it cannot be read.
    """
    files = checkpoint_files(prefix)
    # Here, because the rest of this package does without TensorFlow.
    import tensorflow as tf

    try:
        with path_without_brackets(prefix) as readable:
            reader = tf.train.load_checkpoint(str(readable))
            shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
            names = [name for name in shapes if not _TRAINING_STATE.search(name)]
            sizes = TensorSizes(sum(file.stat().st_size for file in files))
            for name in names:
                sizes.add(name, math.prod(shapes[name]) * dtypes[name].size)
            return {name: reader.get_tensor(name) for name in names}
    # A damaged checkpoint makes TensorFlow raise nearly anything: OpError, IndexError, KeyError, ...
    except Exception as error:
        raise ValueError(
            f"`checkpoint_prefix` must be a whole TensorFlow checkpoint. Received: "
            f"checkpoint_prefix={str(prefix)!r} ({_reason(error)}). Get its .index and .data files again."
        ) from error


def _reason(error):
    # Behind the first line stand C++ places.
    return (str(error).splitlines() or [type(error).__name__])[0]


def checkpoint_table(tensors, prefix):
    """Returns the `TensorTable` of a checkpoint's variables."""
    return TensorTable(tensors, f"the checkpoint `{prefix}`")


def _escaped(name):
    """A name as a pattern that matches itself alone."""
    return re.sub(r"([\[*?])", r"[\1]", name)
