"""Names of the official DeepLabv2's variables (divelab/dilated, `network.py`), translated to our layers.

Two sets of names lead to the same network. That of Caffe's models, which the MS-COCO checkpoints have, and
that of TensorFlow's own ResNets:

    conv1, bn_conv1                          resnet_v1_101/conv1, .../BatchNorm
    res4a_branch1, bn4a_branch1              resnet_v1_101/block3/unit_1/bottleneck_v1/shortcut
    res4b3_branch2a, _branch2b, _branch2c    resnet_v1_101/block3/unit_4/bottleneck_v1/conv1, conv2, conv3
    fc1_voc12_c0, ... fc1_voc12_c3           decoder/aspp/conv1, ... conv4

Each convolution has `weights`, those of the output layer `biases`, smoothed ones `fix_w`; each normalization
`gamma`, `beta`, `moving_mean`, `moving_variance`.
"""

import dataclasses
import re

KERNEL, SMOOTHING = "weights", "fix_w"
NORM_VARIABLES = ("gamma", "beta", "moving_mean", "moving_variance")
_STEMS = (re.compile(r"^(.*/)?bn_conv1/gamma$"), re.compile(r"^(.*/)?resnet_v1_\d+/conv1/BatchNorm/gamma$"))
_CAFFE_BLOCK = re.compile(r"res(\d+)([a-z])(\d*)_branch(1|2[abc])")
_CAFFE_OUTPUT = re.compile(r"fc1_voc12(?:_c(\d+))?")
_SLIM_STEM = re.compile(r"resnet_v1_\d+/conv1")
_SLIM_BLOCK = re.compile(r"resnet_v1_\d+/block(\d+)/unit_(\d+)/bottleneck_v1/(conv[123]|shortcut)")
_SLIM_OUTPUT = re.compile(r"decoder/aspp/conv(\d+)")
_BRANCHES = {"1": "shortcut", "2a": "conv1", "2b": "conv2", "2c": "conv3"}


@dataclasses.dataclass(frozen=True)
class OfficialLayers:
    """Where the variables of a checkpoint belong.

    Args:
        encoder: dict of the name of a convolution of `DeepLabV2` to two scopes: its own, and that of its
            normalization.
        outputs: tuple of scopes, the output layer's convolutions in the order of their rates.
    """

    encoder: dict
    outputs: tuple

    def num_blocks(self):
        """Returns a tuple: the blocks of each stage, counted by their highest number."""
        last = {}
        for name in self.encoder:
            if match := re.match(r"res(\d+)_block(\d+)_", name):
                stage, block = map(int, match.groups())
                last[stage] = max(block, last.get(stage, 0))
        return tuple(last[stage] for stage in sorted(last))


def official_layers(names, where):
    """Finds the layers that variables belong to, under either set of names and in any outer scope.

    Args:
        names: sequence of strings, the variables' names.
        where: string, what they were read from, for the error.

    Returns:
        `OfficialLayers`.

    Raises:
        ValueError: the names are of another network.
    """
    stem = next((match for name in names for pattern in _STEMS if (match := pattern.match(name))), None)
    if stem is None:
        raise ValueError(
            f"The variables of {where} must be those of a DeepLabv2 or a ResNet of divelab/dilated: "
            "bn_conv1/gamma or resnet_v1_101/conv1/BatchNorm/gamma and so on. "
            f"Received: {', '.join(sorted(names)[:3]) or 'none'}, ..."
        )
    prefix = stem.group(1) or ""
    encoder, outputs = {}, {}
    for name in names:
        scope, _, kind = name.rpartition("/")
        if kind != KERNEL or not scope.startswith(prefix):
            continue
        inner = scope.removeprefix(prefix)
        layer = _layer_of(inner)
        if layer is not None:
            encoder[layer] = scope, prefix + _norm_of(inner)
        elif match := _CAFFE_OUTPUT.fullmatch(inner) or _SLIM_OUTPUT.fullmatch(inner):
            outputs[int(match.group(1) or 0)] = scope
    return OfficialLayers(encoder, tuple(outputs[number] for number in sorted(outputs)))


def _layer_of(scope):
    """Name of our convolution; None where the scope is none of the encoder's."""
    if scope == "conv1" or _SLIM_STEM.fullmatch(scope):
        return "stem_conv"
    if match := _CAFFE_BLOCK.fullmatch(scope):
        stage, letter, number, branch = match.groups()
        # a, b, c; or, in the longer stages, a, b1, b2, ...
        block = int(number) + 1 if number else ord(letter) - ord("a") + 1
        return f"res{stage}_block{block}_{_BRANCHES[branch]}"
    if match := _SLIM_BLOCK.fullmatch(scope):
        stage, unit, part = match.groups()
        return f"res{int(stage) + 1}_block{unit}_{part}"
    return None


def _norm_of(scope):
    """Scope of the normalization that follows a convolution."""
    if "/" in scope:
        return f"{scope}/BatchNorm"
    return f"bn_{scope}" if scope == "conv1" else f"bn{scope.removeprefix('res')}"
