"""D3Net for segmentation with the weights of the official code (sony/ai-research-code, NNabla)."""

import logging

from keras_d3.convert.official_settings import official_types
from keras_d3.convert.readers.nnabla_parameters import fill_conv, fill_norm, read_parameters
from keras_d3.convert.readers.tensor_table import TensorTable
from keras_d3.models import D3NetSegmentation, find_preset
from keras_d3.utils import check_choice

# One entry per scale each.
LIST_KEYS = (
    "num_layers",
    "n_blocks",
    "dens_k",
    "block_comp",
    "intermediate_out_ch",
    "dense_n_out_layer_block",
)
OTHER_KEYS = ("num_init_features", "trans_comp_factor", "channels", "num_classes")
SIZES = ("S", "L")
PARTS = ("auto", "network", "backbone")
BACKBONE, HEAD = "backbone/", "decode_head/"

logger = logging.getLogger(__name__)


def d3net_segmentation_from_official(config, h5_path, part="auto", name="d3net_segmentation"):
    """Returns D3Net for segmentation with the weights of the official code.

    It computes the logits of `d3net/semantic-segmentation/model.py` of sony/ai-research-code in inference
    mode, with the axes (batch, height, width, channels) instead of (batch, channels, height, width). The
    official function returns their softmax.

    The authors' backbones that were trained on ImageNet are in files of their own, whose names lack the
    prefix `backbone/` and which have no head: then the head's weights are fresh (logger
    `keras_d3.convert.d3net_segmentation` says so), and the model is one to start training from.

    Args:
        config: dict, settings under the official keys, as in the official `configs/D3Net_S.yaml`. Keys that
            do not shape the network are ignored. Or `"S"` or `"L"`: the settings of that published size,
            which the preset `d3net_segmentation_<size>` has.
        h5_path: path of the parameters as NNabla saves them.
        part: what the file has: `"network"`, `"backbone"`, or `"auto"`: whichever its names say.
        name: string, the model's name.

    Returns:
        `keras.Model`: normalized RGB images (batch, height, width, 3) to logits (batch, height, width,
        classes).

    Raises:
        FileNotFoundError: there is no file at `h5_path`.
        ValueError: a key is missing in `config`, or its lists differ in length; the file is no HDF5 file; a
            tensor is missing, has another shape than the config asks for, or is left over. The message
            lists the tensors.

    Example (with the released files):

        import yaml
        from keras_d3.convert import d3net_segmentation_from_official

        with open("configs/D3Net_S.yaml") as file:
            config = yaml.safe_load(file)
        model = d3net_segmentation_from_official(config, "D3Net_S.h5")
    """
    check_choice("part", part, PARTS)
    arguments = (
        segmentation_preset(config).arguments
        if isinstance(config, str)
        else segmentation_arguments_from_official(config)
    )
    tensors = read_parameters(h5_path)
    if part == "auto":
        part = "network" if any(key.startswith((BACKBONE, HEAD)) for key in tensors) else "backbone"
    if not any(key.startswith(BACKBONE) for key in tensors):
        tensors = {key if key.startswith(HEAD) else BACKBONE + key: value for key, value in tensors.items()}
    model = D3NetSegmentation(**arguments, name=name)
    table = TensorTable(tensors, f"`{h5_path}`")
    _fill_backbone(table, model.get_layer, len(model.arguments.side_filters))
    if part == "network":
        fill_conv(table, model.get_layer("head_conv"), f"{HEAD}convs/0/conv/conv")
        fill_norm(table, model.get_layer("head_norm"), f"{HEAD}convs/0/bn/bn")
        fill_conv(table, model.get_layer("classifier"), f"{HEAD}conv_seg/conv")
    table.finish()
    if part == "backbone":
        logger.warning("`%s` has the backbone alone: the head of the network is untrained.", h5_path)
    return model


def segmentation_arguments_from_official(config):
    """Returns the arguments of `D3NetSegmentation` for a config in the official keys.

    `dilation: false` stands for dilation 1 everywhere in that scale's blocks, `block_comp` of 1 or more for
    no compression.

    Args:
        config: dict in the official keys.

    Returns:
        dict of arguments.

    Raises:
        ValueError: a key is missing, lists differ in length, or `align_corners` is set.
    """
    missing = [key for key in (*LIST_KEYS, *OTHER_KEYS) if key not in config]
    if missing:
        raise ValueError(
            f"`config` must hold the official code's keys. Missing: {', '.join(missing)}. "
            f"Received: keys {', '.join(map(str, config))}."
        )
    with official_types(config, (*LIST_KEYS, *OTHER_KEYS, "dilation", "align_corners")):
        return _arguments(config)


def _arguments(config):
    num_scales = len(config["intermediate_out_ch"])
    dilation = config.get("dilation", [True] * num_scales)
    lists = {"dilation": dilation, **{key: config[key] for key in LIST_KEYS}}
    for key, values in lists.items():
        if not isinstance(values, (list, tuple)) or len(values) != num_scales:
            raise ValueError(
                f"`config[{key!r}]` must have one entry per scale, {num_scales} like `intermediate_out_ch`. "
                f"Received: {key}={values!r}."
            )
    if config.get("align_corners", False):
        raise ValueError(
            "`config['align_corners']` must be false: the network resizes with half-pixel centers. "
            f"Received: align_corners={config['align_corners']!r}."
        )
    return {
        "num_classes": config["num_classes"],
        "growth_rate": tuple(config["dens_k"]),
        "num_layers": tuple(config["num_layers"]),
        "num_blocks": tuple(config["n_blocks"]),
        "output_layers": tuple(config["dense_n_out_layer_block"]),
        "bottleneck_factor": 4,
        "compression": tuple(share if share < 1 else None for share in config["block_comp"]),
        "dilation": tuple("multidilated" if dilate else "none" for dilate in dilation),
        "stem_filters": config["num_init_features"],
        "transition_divisor": config["trans_comp_factor"],
        "side_filters": tuple(config["intermediate_out_ch"]),
        "head_filters": config["channels"],
    }


def segmentation_preset(size):
    """Returns the preset of a published size.

    Args:
        size: `"S"` or `"L"`.

    Raises:
        ValueError: `size` is neither.
    """
    return find_preset(f"d3net_segmentation_{check_choice('size', size, SIZES).lower()}")


def _fill_backbone(table, layer, num_scales):
    """Walks the network by its layers' names."""
    fill_conv(table, layer("stem_conv_1"), f"{BACKBONE}conv1/conv")
    fill_norm(table, layer("stem_norm"), f"{BACKBONE}bn1/bn")
    fill_conv(table, layer("stem_conv_2"), f"{BACKBONE}conv2/conv")
    for index in range(1, num_scales + 1):
        for number, block in enumerate(layer(f"block_{index}").blocks):
            _fill_d2_block(table, block, f"{BACKBONE}dense{index}/d2_block/block{number}")
        is_last = index == num_scales
        tap = f"{BACKBONE}{'final' if is_last else 'intermediate'}_out{index}"
        fill_conv(table, layer(f"side_{index}_conv"), f"{tap}/0/conv")
        fill_norm(table, layer(f"side_{index}_norm"), f"{tap}/1/bn")
        if not is_last:
            fill_norm(table, layer(f"transition_{index}_norm"), f"{BACKBONE}transition{index}/bn/bn")
            fill_conv(table, layer(f"transition_{index}_conv"), f"{BACKBONE}transition{index}/conv/conv")


def _fill_d2_block(table, block, scope):
    if block.bottleneck is not None:
        _fill_unit(table, block.bottleneck, f"{scope}/d2block/initial_layer/bc_layer/bottle_neck")
    for index, unit in enumerate(zip(block.norms, block.convs, strict=True)):
        name = "initial_layer/init_layer" if index == 0 else f"layers/layer{index}"
        _fill_unit(table, unit, f"{scope}/d2block/{name}/bottle_neck")
    if block.reduction is not None:
        _fill_unit(table, block.reduction, f"{scope}/block_dim_reduction")


def _fill_unit(table, unit, scope):
    norm, conv = unit
    fill_norm(table, norm, f"{scope}/norm1/bn")
    fill_conv(table, conv, f"{scope}/conv1/conv")
