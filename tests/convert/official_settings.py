"""The settings of the official D3Net for music that the presets stand for, under its own keys."""


def official_settings(preset):
    """Returns the official keys for a preset's arguments, the reverse of `arguments_from_official`."""
    arguments = preset.network.arguments_class(**preset.arguments)
    full, final = arguments.full_band, arguments.final_block
    edges = [0]
    for band in arguments.bands:
        edges.append(edges[-1] + band.num_bins)
    return {
        "fft_size": 2 * (arguments.num_bins - 1),
        "n_channels": arguments.num_channels,
        "valid_signal_idx": edges[-1],
        "band_split_idxs": edges[1:-1],
        "num_init_features": [band.filters for band in arguments.bands],
        "dens_k": [_column(band, 0) for band in arguments.bands],
        "num_layer_blocks": [_column(band, 1) for band in arguments.bands],
        "b_n_blocks": [_num_blocks(band) for band in arguments.bands],
        "comp_rates": [_compression(band) for band in arguments.bands],
        "f_num_init_features": full.filters,
        "f_dens_k": _column(full, 0),
        "f_num_layer_block": _column(full, 1),
        "f_n_blocks": _num_blocks(full),
        "f_comp_rates": _compression(full),
        "ttl_dens_k": final.growth_rate,
        "ttl_num_layer_block": final.num_layers,
        "dilation": arguments.dilation == "multidilated",
    }


def _column(band, index):
    return [block[index] for block in band.blocks]


def _num_blocks(band):
    depth, numbers = band.num_poolings, _column(band, 2)
    return [*numbers[:depth], *numbers[depth + 1 :], numbers[-1]]


def _compression(band):
    # The down path has entries, too; the official code pools without looking at them.
    return [1.0] * band.num_poolings + [float(value) for value in band.upsample_compression]
