"""The multi-band networks in NumPy float64, and a small one with odd numbers of bins everywhere."""

import numpy as np

from tests.helpers.block_reference import EPSILON, convolve, dense_block

SMALL = {
    "num_bins": 13,
    "bands": (
        {"num_bins": 4, "filters": 3, "blocks": ((3, 2, 2), (2, 2, 1), (3, 1, 2))},
        {"num_bins": 7, "filters": 2, "blocks": ((2, 1, 1), (2, 1, 1), (2, 1, 1)), "kernel_size": (3, 2)},
    ),
    "full_band": {
        "num_bins": None,
        "filters": 3,
        "blocks": ((2, 2, 1), (3, 2, 2), (2, 1, 1), (2, 2, 1), (2, 1, 2)),
    },
    "final_block": {"growth_rate": 3, "num_layers": 2, "kernel_size": (1, 2)},
}


def without_nesting(arguments):
    """The same arguments with dense blocks in place of D3 blocks."""

    def flat(band):
        return {**band, "blocks": tuple(block[:2] for block in band["blocks"])}

    return {
        **arguments,
        "bands": tuple(flat(band) for band in arguments["bands"]),
        "full_band": flat(arguments["full_band"]),
    }


SMALL_DENSE = without_nesting(SMALL)


def magnitudes(*shape, seed=0):
    return np.abs(np.random.default_rng(seed).standard_normal(shape)).astype("float32")


class Reference:
    """The network in NumPy float64, reading the weights of a model by its layers' names."""

    def __init__(self, model, block, options):
        self.model, self.block, self.options = model, block, options

    def weights(self, name):
        return [np.asarray(weight, "float64") for weight in self.model.get_layer(name).get_weights()]

    def conv(self, x, name):
        kernel, bias = self.weights(name)
        return convolve(x, kernel) + bias

    def norm(self, x, name):
        gamma, beta, mean, variance = self.weights(name)
        return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta

    def pool(self, x):
        if x.shape[2] % 2:
            replicate = self.options.get("pad_mode") == "replicate_start"
            extra = x[:, :, :1] if replicate else np.zeros_like(x[:, :, :1])
            x = np.concatenate([extra, x] if replicate else [x, extra], 2)
        reduce = np.max if self.options.get("pooling") == "max" else np.mean
        batch, frames, bins, channels = x.shape
        return reduce(x.reshape(batch, frames // 2, 2, bins // 2, 2, channels), axis=(2, 4))

    def up(self, x, skip, name):
        if self.options.get("upsample_norm", True):
            x = self.norm(x, f"{name}_norm")
        kernel, bias = self.weights(f"{name}_conv")
        outputs = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[2])) + bias
        for i in range(2):
            for j in range(2):
                outputs[:, i::2, j::2] += x @ kernel[i, j].T
        surplus = outputs.shape[2] - skip.shape[2]
        start = surplus if self.options.get("pad_mode") == "replicate_start" else 0
        return np.concatenate([outputs[:, :, start : start + skip.shape[2]], skip], -1)

    def band(self, x, name, num_blocks):
        x, skips = self.conv(x, f"{name}_first_conv"), []
        for index in range(1, num_blocks // 2 + 1):
            x = self.block(self.model.get_layer(f"{name}_down_{index}"), x)
            skips.append(x)
            if self.options.get("transition_compression"):
                transition = f"{name}_transition_{index}"
                x = self.conv(np.maximum(self.norm(x, f"{transition}_norm"), 0), f"{transition}_conv")
            x = self.pool(x)
        x = self.block(self.model.get_layer(f"{name}_bottleneck"), x)
        for index, skip in enumerate(reversed(skips), 1):
            x = self.block(self.model.get_layer(f"{name}_up_{index}"), self.up(x, skip, f"{name}_up_{index}"))
        return x

    def has(self, name):
        return any(layer.name == name for layer in self.model.layers)

    def __call__(self, mixture):
        frames = mixture.shape[1]
        padded = np.pad(mixture.astype("float64"), [(0, 0), (0, -frames % 4), (0, 0), (0, 0)])
        x = padded
        if self.has("input_affine"):
            offset, scale = self.weights("input_affine")
            x = (padded - offset[:, None]) / scale[:, None]
        low = self.band(x[:, :, :4], "low", 3)
        high = self.band(x[:, :, 4:11], "high", 3)
        if high.shape[-1] < low.shape[-1]:
            high = self.conv(self.norm(high, "high_match_norm"), "high_match_conv")
        full = self.band(x[:, :, :11], "full", 5)
        x = np.concatenate([np.concatenate([low, high], 2), full], -1)
        if self.has("final_block"):
            x = dense_block(self.model.get_layer("final_block"), x)
        if self.has("head_norm"):
            x = self.norm(x, "head_norm")
            x = self.conv(x, "head_value") / (1 + np.exp(-self.conv(x, "head_gate")))
        else:
            x = self.conv(x, "head")
        if self.has("output_affine"):
            offset, scale = self.weights("output_affine")
            x = x * scale[:, None] + offset[:, None]
        return np.concatenate([np.maximum(x, 0), padded[:, :, 11:]], 2)[:, :frames]
