"""The official D3Net for music restated in NumPy, float64, inference mode, (batch, channels, frames, bins).

Like the original, it makes a tensor the first time that it is asked for one; here with random values.
"""

import math

import h5py
import numpy as np


class OfficialD3Net:
    """Settings under the official keys; `tensors` holds what was made so far, by its official name."""

    def __init__(self, settings, seed=0):
        self.settings, self.tensors = settings, {}
        self._generator = np.random.default_rng(seed)

    def __call__(self, mixture):
        settings, dilate = self.settings, self.settings.get("dilation", True)
        num_bins, modeled = settings["fft_size"] // 2 + 1, settings["valid_signal_idx"]
        x = (mixture - self._tensor("in_offset", (1, 1, 1, num_bins))) / self._tensor(
            "in_scale", (1, 1, 1, num_bins), low=0.5
        )
        edges = [0, *settings["band_split_idxs"], modeled]
        widest = max(growth_rates[-1] for growth_rates in settings["dens_k"])
        bands = []
        for index, (start, stop) in enumerate(zip(edges, edges[1:], strict=False)):
            band = self._conv(
                x[..., start:stop], settings["num_init_features"][index], f"features_init/{index}"
            )
            lists = [
                settings[key][index] for key in ("dens_k", "num_layer_blocks", "b_n_blocks", "comp_rates")
            ]
            band = self._down_up(band, *lists, f"dense_band/{index}", dilate)
            if band.shape[1] < widest:
                name = f"match_fm_conv/{index}"
                band = self._conv(self._norm(band, f"{name}/norm"), widest, f"{name}/conv", size=1)
            bands.append(band)
        full = self._conv(x[..., :modeled], settings["f_num_init_features"], "features_init_full")
        lists = [settings[f"f_{key}"] for key in ("dens_k", "num_layer_block", "n_blocks", "comp_rates")]
        full = self._down_up(full, *lists, "dense_full", dilate)
        merged = np.concatenate([np.concatenate(bands, axis=3), full], axis=1)
        final = self._d2(merged, settings["ttl_dens_k"], settings["ttl_num_layer_block"], "final_dense", True)
        head, channels = self._norm(final, "out_gate/bn"), settings["n_channels"]
        gate = 1 / (1 + np.exp(-self._conv(head, channels, "out_gate/conv_gate/conv", size=1)))
        x = gate * self._conv(head, channels, "out_gate/conv_filt/conv", size=1)
        x = x * self._tensor("decode_scale", (1, 1, 1, modeled)) + self._tensor(
            "decode_bias", (1, 1, 1, modeled)
        )
        return np.concatenate([np.maximum(x, 0), mixture[..., modeled:]], axis=3)

    def _down_up(self, x, growth_rates, num_layers, num_blocks, compression, scope, dilate):
        depth = len(growth_rates) // 2
        skips = []
        for index in range(depth):
            name = f"{scope}/ds_layers/dense_block{index}"
            x = self._d3(x, growth_rates[index], num_layers[index], num_blocks[index], name, dilate)
            skips.append(x)
            x = (x[:, :, ::2] + x[:, :, 1::2]) / 2
            x = (x[..., ::2] + x[..., 1::2]) / 2
        blocks = (growth_rates[depth], num_layers[depth], num_blocks[depth])
        x = self._d3(x, *blocks, f"{scope}/bottleneck_block", dilate)
        for index in range(depth):
            up = f"{scope}/us_layers/upsample{index}/upsample"
            filters = math.ceil(compression[depth + index] * x.shape[1])
            x = np.concatenate([self._deconv(self._norm(x, f"{up}/norm"), filters, up), skips.pop()], axis=1)
            block = depth + 1 + index
            # The numbers of D2 blocks are read one entry early.
            blocks = (growth_rates[block], num_layers[block], num_blocks[block - 1])
            x = self._d3(x, *blocks, f"{scope}/us_layers/dense_block{block}", dilate)
        return x

    def _d3(self, x, growth_rate, num_layers, num_blocks, scope, dilate):
        def block(x, index, num_groups):
            name = f"{scope}/initial_block" if index == 0 else f"{scope}/layers/layer{index}"
            return self._d2(x, growth_rate * num_groups, num_layers, name, dilate)

        return passed_on(x, block, num_blocks)

    def _d2(self, x, growth_rate, num_layers, scope, dilate):
        def layer(x, index, num_groups):
            name = f"{scope}/initial_layer" if index == 0 else f"{scope}/layers/layer{index}"
            x = np.maximum(self._norm(x, f"{name}/bottleneck/norm1"), 0)
            dilation = 2**index if dilate else 1
            return self._conv(x, growth_rate * num_groups, f"{name}/bottleneck/conv1", dilation=dilation)

        return passed_on(x, layer, num_layers)

    def _tensor(self, name, shape, low=-1.0, high=1.0):
        if name not in self.tensors:
            self.tensors[name] = self._generator.uniform(low, high, shape).astype("float32")
        assert self.tensors[name].shape == shape
        return self.tensors[name].astype("float64")

    def _norm(self, x, scope):
        shape = (1, x.shape[1], 1, 1)
        beta, gamma, mean = (self._tensor(f"{scope}/bn/{name}", shape) for name in ("beta", "gamma", "mean"))
        variance = self._tensor(f"{scope}/bn/var", shape, low=0.5)
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def _conv(self, x, filters, scope, size=3, dilation=1):
        kernel = self._tensor(f"{scope}/conv/W", (filters, x.shape[1], size, size), -0.3, 0.3)
        bias = self._tensor(f"{scope}/conv/b", (filters,))
        reach, (height, width) = dilation * (size // 2), x.shape[2:]
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        total = np.zeros((len(x), filters, height, width)) + bias[:, None, None]
        for i in range(size):
            for j in range(size):
                part = padded[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
                total += np.einsum("bchw,oc->bohw", part, kernel[:, :, i, j])
        return total

    def _deconv(self, x, filters, scope):
        kernel = self._tensor(f"{scope}/transconv/deconv/W", (x.shape[1], filters, 2, 2))
        bias = self._tensor(f"{scope}/transconv/deconv/b", (filters,))
        # Kernel = stride: every input value makes a patch of its own.
        pieces = np.einsum("bchw,coij->bohiwj", x, kernel)
        return pieces.reshape(len(x), filters, 2 * x.shape[2], 2 * x.shape[3]) + bias[:, None, None]


def write_scope(path, scope, tensors):
    """Adds tensors to a parameter file, below a root scope."""
    with h5py.File(path, "a") as file:
        for name, tensor in tensors.items():
            file[f"{scope}/{name}"] = tensor


def passed_on(x, unit, num_units):
    """Unit i reads group i of the maps and adds its share to every later group; the last group is left."""
    groups = np.split(unit(x, 0, num_units), num_units, axis=1)
    for index in range(1, num_units):
        shares = np.split(unit(groups[index - 1], index, num_units - index), num_units - index, axis=1)
        groups[index:] = [group + share for group, share in zip(groups[index:], shares, strict=True)]
    return groups[-1]
