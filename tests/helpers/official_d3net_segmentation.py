"""The official D3Net for segmentation restated in NumPy, float64, inference mode, (batch, channels, h, w).

Like the original, it makes a tensor the first time that it is asked for one; here with random values.
"""

import numpy as np


class OfficialD3NetSegmentation:
    """Settings under the official keys; `tensors` holds what was made so far, by its official name."""

    def __init__(self, settings, seed=0):
        self.settings, self.tensors = settings, {}
        self._generator = np.random.default_rng(seed)

    def __call__(self, image):
        settings = self.settings
        taps = self._backbone(image)
        size = taps[0].shape[2:]
        x = np.concatenate([resized(tap, size) for tap in taps], axis=1)
        x = self._conv(x, settings["channels"], "decode_head/convs/0/conv", size=1, bias=False)
        x = np.maximum(self._norm(x, "decode_head/convs/0/bn"), 0)
        x = self._conv(x, settings["num_classes"], "decode_head/conv_seg", size=1)
        return resized(x, image.shape[2:])

    def _backbone(self, image):
        settings, taps = self.settings, []
        filters = settings["num_init_features"]
        x = self._conv(image, filters, "backbone/conv1", stride=2, bias=False)
        x = np.maximum(self._norm(x, "backbone/bn1"), 0)
        x = self._conv(x, filters, "backbone/conv2", stride=2, bias=False)
        for index, tap_filters in enumerate(settings["intermediate_out_ch"]):
            number = index + 1
            x = self._d3(x, index, f"backbone/dense{number}/d2_block")
            is_last = number == len(settings["intermediate_out_ch"])
            name = f"backbone/{'final' if is_last else 'intermediate'}_out{number}"
            taps.append(
                np.maximum(self._norm(self._conv(x, tap_filters, f"{name}/0", size=1), f"{name}/1"), 0)
            )
            if is_last:
                return taps
            name = f"backbone/transition{number}"
            filters = x.shape[1] // settings["trans_comp_factor"]
            x = np.maximum(self._norm(x, f"{name}/bn"), 0)
            x = self._conv(x, filters, f"{name}/conv", size=1, bias=False)
            height, width = (size // 2 * 2 for size in x.shape[2:])
            x = x[:, :, :height, :width]
            x = (x[:, :, ::2] + x[:, :, 1::2]) / 2
            x = (x[..., ::2] + x[..., 1::2]) / 2

    def _d3(self, x, index, scope):
        keys = ("dens_k", "num_layers", "n_blocks", "dense_n_out_layer_block", "block_comp", "dilation")
        growth_rate, num_layers, num_blocks, kept, share, dilate = (self.settings[key][index] for key in keys)
        for number in range(num_blocks):
            block = f"{scope}/block{number}"
            new = self._d2(x, growth_rate, num_layers, f"{block}/d2block", dilate)
            new = new[:, -kept * growth_rate :]
            if share < 1:
                new = self._unit(
                    new, int(growth_rate * kept * share), f"{block}/block_dim_reduction", size=1, bias=False
                )
            x = np.concatenate([x, new], axis=1)
        return x

    def _d2(self, x, growth_rate, num_layers, scope, dilate):
        """All layers' maps. Every layer is computed by itself, from the slices that belong to it."""
        first = f"{scope}/initial_layer"
        if x.shape[1] > 4 * growth_rate:
            x = self._unit(x, 4 * growth_rate, f"{first}/bc_layer/bottle_neck", size=1)
        shares = [self._unit(x, growth_rate * num_layers, f"{first}/init_layer/bottle_neck")]
        maps = []
        for layer in range(num_layers):
            slices = [
                share[:, (layer - source) * growth_rate :][:, :growth_rate]
                for source, share in enumerate(shares)
            ]
            maps.append(sum(slices))
            if layer < num_layers - 1:
                name = f"{scope}/layers/layer{layer + 1}/bottle_neck"
                filters = growth_rate * (num_layers - layer - 1)
                dilation = 2 ** (layer + 1) if dilate else 1
                shares.append(self._unit(maps[-1], filters, name, dilation=dilation))
        return np.concatenate(maps, axis=1)

    def _unit(self, x, filters, scope, **kwargs):
        return self._conv(np.maximum(self._norm(x, f"{scope}/norm1"), 0), filters, f"{scope}/conv1", **kwargs)

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

    def _conv(self, x, filters, scope, size=3, stride=1, dilation=1, bias=True):
        kernel = self._tensor(f"{scope}/conv/W", (filters, x.shape[1], size, size), -0.3, 0.3)
        reach = dilation * (size // 2)
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        height, width = ((length - 1) // stride + 1 for length in x.shape[2:])
        total = np.zeros((len(x), filters, height, width))
        for i in range(size):
            for j in range(size):
                part = padded[:, :, i * dilation :: stride, j * dilation :: stride][:, :, :height, :width]
                total += np.einsum("bchw,oc->bohw", part, kernel[:, :, i, j])
        return total + self._tensor(f"{scope}/conv/b", (filters,))[:, None, None] if bias else total


def resized(x, size):
    """Bilinear with half-pixel centers, one axis after the other."""
    for axis, new in zip((2, 3), size, strict=True):
        old = x.shape[axis]
        position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, old - 1)
        share = (position - low).reshape([-1 if other == axis else 1 for other in range(4)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x
