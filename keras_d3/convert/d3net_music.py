"""D3Net for music with the weights of the official code (sony/ai-research-code, NNabla)."""

from keras_d3.convert.official_settings import official_types
from keras_d3.convert.readers.nnabla_parameters import fill_conv, fill_norm, read_parameters
from keras_d3.convert.readers.tensor_table import TensorTable
from keras_d3.models import D3Net
from keras_d3.utils import check_choice

TARGETS = ("bass", "drums", "other", "vocals")
# In the order that `_band_from_official` takes them.
BAND_KEYS = ("num_init_features", "num_layer_blocks", "dens_k", "b_n_blocks", "comp_rates")
FULL_KEYS = ("f_num_init_features", "f_num_layer_block", "f_dens_k", "f_n_blocks", "f_comp_rates")
OTHER_KEYS = (
    "valid_signal_idx",
    "band_split_idxs",
    "ttl_num_layer_block",
    "ttl_dens_k",
    "n_channels",
    "fft_size",
)


def d3net_music_from_official(config, h5_path, scope):
    """Returns D3Net for one target with the weights of the official code.

    It computes what `d3net/music-source-separation/model.py` of sony/ai-research-code computes in
    inference mode, with the axes (batch, frames, bins, channels) instead of (batch, frames,
    channels, bins).

    Args:
        config: dict, the target's settings under the official keys, as in the official
            `configs/<target>.yaml`. Keys that do not shape the network are ignored. None: those of the
            published weights, which the preset `d3net_<scope>` has.
        h5_path: path of the parameters as NNabla saves them.
        scope: string, the root scope of the target in the file, such as `"vocals"`.

    Returns:
        `keras.Model` called `d3net_<scope>`.

    Raises:
        FileNotFoundError: there is no file at `h5_path`.
        ValueError: a key is missing in `config`, or without a config `scope` is no published target; the
            file is no HDF5 file or has no such scope; a tensor is missing, has another shape than the
            config asks for, or is left over. The message lists the tensors.

    Example (with the released files):

        import yaml
        from keras_d3.convert import d3net_music_from_official

        with open("configs/vocals.yaml") as file:
            config = yaml.safe_load(file)
        model = d3net_music_from_official(config, "d3net-mss.h5", "vocals")
    """
    name = f"d3net_{scope if config is not None else check_choice('scope', scope, TARGETS)}"
    arguments = None if config is None else arguments_from_official(config)
    tensors = read_parameters(h5_path, scope)
    model = D3Net.from_preset(name) if arguments is None else D3Net(**arguments, name=name)
    table = TensorTable(tensors, f"`{h5_path}`, scope {scope!r}")
    _fill_model(model, table, model.arguments.bands, model.arguments.full_band)
    table.finish()
    return model


def arguments_from_official(config):
    """Returns the arguments of `keras_d3.models.D3Net` for a config in the official keys.

    `dilation: false` stands for dilation 1 everywhere but in the final block. (The official code passes
    it on to the first full-band convolution as well, where it would count as a dilation of 0.)

    Args:
        config: dict in the official keys.

    Returns:
        dict of arguments.

    Raises:
        ValueError: a key is missing, or lists that belong together differ in length.
    """
    missing = [key for key in (*BAND_KEYS, *FULL_KEYS, *OTHER_KEYS) if key not in config]
    if missing:
        raise ValueError(
            f"`config` must hold the official code's keys. Missing: {', '.join(missing)}. "
            f"Received: keys {', '.join(map(str, config))}."
        )
    if config.get("kernel_size", 3) != 3:
        raise ValueError(
            "`config['kernel_size']` must be 3: the official code pads its last block for no other size. "
            f"Received: kernel_size={config['kernel_size']!r}."
        )
    with official_types(config, (*BAND_KEYS, *FULL_KEYS, *OTHER_KEYS, "dilation")):
        return _arguments(config)


def _arguments(config):
    edges = [0, *config["band_split_idxs"], config["valid_signal_idx"]]
    per_band = [config[key] for key in BAND_KEYS]
    for key, values in zip(BAND_KEYS, per_band, strict=True):
        if len(values) != len(edges) - 1:
            raise ValueError(
                f"`config[{key!r}]` must have one entry per band, {len(edges) - 1}. "
                f"Received: {key}={values!r}."
            )
    widths = [stop - start for start, stop in zip(edges, edges[1:], strict=False)]
    bands = [
        _band_from_official(width, *settings) for width, *settings in zip(widths, *per_band, strict=True)
    ]
    return {
        "num_bins": config["fft_size"] // 2 + 1,
        "num_channels": config["n_channels"],
        "bands": tuple(bands),
        "full_band": _band_from_official(None, *(config[key] for key in FULL_KEYS)),
        "final_block": {"growth_rate": config["ttl_dens_k"], "num_layers": config["ttl_num_layer_block"]},
        "dilation": "multidilated" if config.get("dilation", True) else "none",
        "final_dilation": "multidilated",
    }


def _band_from_official(num_bins, filters, num_layers, growth_rates, num_blocks, compression):
    depth = len(growth_rates) // 2
    if len(num_layers) != len(growth_rates) or min(len(num_blocks), len(compression)) < 2 * depth:
        raise ValueError(
            "`config` must give every band as many layer numbers as growth rates, and at most one block "
            f"number and compression rate fewer. Received: layers {num_layers}, growth rates {growth_rates}, "
            f"blocks {num_blocks}, compression {compression}."
        )
    # The official code begins its up path one entry early in these two lists, at the deepest
    # block's. In the released settings, all entries but the compression's length are equal.
    up_blocks, up_compression = num_blocks[depth : 2 * depth], compression[depth : 2 * depth]
    return {
        "num_bins": num_bins,
        "filters": filters,
        "blocks": tuple(zip(growth_rates, num_layers, [*num_blocks[: depth + 1], *up_blocks], strict=True)),
        "upsample_compression": tuple(up_compression),
    }


def _fill_model(model, table, bands, full):
    """Walks the model by its layers' names and gives every weight its tensor."""
    layer = model.get_layer
    table.assign(layer("input_affine").offset, "in_offset")
    table.assign(layer("input_affine").scale, "in_scale")
    for index, band in enumerate(bands):
        fill_conv(table, layer(f"{band.name}_first_conv"), f"features_init/{index}/conv")
        _fill_band(table, layer, band, f"dense_band/{index}")
        if band.output_maps < max(other.output_maps for other in bands):
            fill_norm(table, layer(f"{band.name}_match_norm"), f"match_fm_conv/{index}/norm/bn")
            fill_conv(table, layer(f"{band.name}_match_conv"), f"match_fm_conv/{index}/conv/conv")
    fill_conv(table, layer("full_first_conv"), "features_init_full/conv")
    _fill_band(table, layer, full, "dense_full")
    _fill_d2_block(table, layer("final_block"), "final_dense")
    fill_norm(table, layer("head_norm"), "out_gate/bn/bn")
    fill_conv(table, layer("head_gate"), "out_gate/conv_gate/conv/conv")
    fill_conv(table, layer("head_value"), "out_gate/conv_filt/conv/conv")
    table.assign(layer("output_affine").scale, "decode_scale")
    table.assign(layer("output_affine").offset, "decode_bias")


def _fill_band(table, layer, band, scope):
    depth = band.num_poolings
    for index in range(depth):
        _fill_d3_block(table, layer(f"{band.name}_down_{index + 1}"), f"{scope}/ds_layers/dense_block{index}")
    _fill_d3_block(table, layer(f"{band.name}_bottleneck"), f"{scope}/bottleneck_block")
    for index in range(depth):
        up = f"{scope}/us_layers/upsample{index}/upsample"
        fill_norm(table, layer(f"{band.name}_up_{index + 1}_norm"), f"{up}/norm/bn")
        fill_conv(table, layer(f"{band.name}_up_{index + 1}_conv"), f"{up}/transconv/deconv")
        block = f"{scope}/us_layers/dense_block{depth + 1 + index}"
        _fill_d3_block(table, layer(f"{band.name}_up_{index + 1}"), block)


def _fill_d3_block(table, block, scope):
    for index, d2_block in enumerate(block.blocks):
        _fill_d2_block(
            table, d2_block, f"{scope}/{'initial_block' if index == 0 else f'layers/layer{index}'}"
        )


def _fill_d2_block(table, block, scope):
    for index, (norm, conv) in enumerate(zip(block.norms, block.convs, strict=True)):
        source = f"{scope}/{'initial_layer' if index == 0 else f'layers/layer{index}'}/bottleneck"
        fill_norm(table, norm, f"{source}/norm1/bn")
        fill_conv(table, conv, f"{source}/conv1/conv")
