"""The official DeepLabv2 (divelab/dilated) restated in NumPy, float64, under its variables' names.

Like the original, it makes a variable the first time that it is asked for one; here with random values.
"""

import numpy as np

NUM_BLOCKS, FILTERS, STEM, RATES = (1, 2, 3, 2), (2, 3, 2, 3), 4, (1, 1, 2, 4)
EPSILON = 1e-3  # of tf.contrib.layers.batch_norm


class OfficialDeepLab:
    """`smoothing` in the code's words: None, "GI" or "SSC"; `style` "caffe" or "slim" of the names."""

    def __init__(self, smoothing=None, style="caffe", num_classes=5, outputs=RATES, seed=0, block_rates=None):
        self.smoothing, self.style, self.num_classes = smoothing, style, num_classes
        self.outputs, self.block_rates = outputs, block_rates
        self.variables, self._generator = {}, np.random.default_rng(seed)

    def __call__(self, images):
        x = self._unit(np.float64(images), "stem", STEM, 7, stride=2)
        x = max_pool(np.maximum(x, 0))
        for stage, (blocks, filters) in enumerate(zip(NUM_BLOCKS, FILTERS, strict=True)):
            for block in range(blocks):
                rates = self.block_rates or RATES
                rate = rates[stage][block] if isinstance(rates[stage], tuple) else rates[stage]
                x = self._block(x, stage, block, filters, rate)
        return sum(self._output(x, index, rate) for index, rate in enumerate(self.outputs))

    def _block(self, x, stage, block, filters, rate):
        stride = 2 if (stage, block) == (1, 0) else 1
        place = stage, block
        shortcut = x if block else self._unit(x, (*place, "shortcut"), 4 * filters, 1, stride)
        x = np.maximum(self._unit(x, (*place, "conv1"), filters, 1, stride), 0)
        x = np.maximum(self._unit(x, (*place, "conv2"), filters, 3, rate=rate), 0)
        return np.maximum(shortcut + self._unit(x, (*place, "conv3"), 4 * filters, 1), 0)

    def _unit(self, x, place, filters, taps, stride=1, rate=1):
        """A convolution without bias and its normalization."""
        scope, norm = self._scopes(place)
        weights = self._variable(f"{scope}/weights", (taps, taps, x.shape[-1], filters))
        if rate == 1 or self.smoothing is None:
            y = convolve(x, weights, stride, rate)
        elif self.smoothing == "GI":
            eye = np.eye(rate**2)
            y = group_interaction(x, weights, self._variable(f"{scope}/fix_w", eye.shape, eye), rate)
        else:
            size = 2 * rate - 1
            shared = self._variable(f"{scope}/fix_w", (size, size, 1, 1, 1))[:, :, 0, 0, 0].copy()
            shared[rate - 1, rate - 1] += 1
            # One filter for all channels.
            by_channel = np.moveaxis(x, -1, 0)[..., np.newaxis]
            smooth = [
                convolve(channel, shared[:, :, np.newaxis, np.newaxis])[..., 0] for channel in by_channel
            ]
            y = convolve(np.stack(smooth, -1), weights, 1, rate)
        beta, mean = (self._variable(f"{norm}/{kind}", (filters,)) for kind in ("beta", "moving_mean"))
        gamma = self._variable(f"{norm}/gamma", (filters,), 1.5)
        variance = self._variable(f"{norm}/moving_variance", (filters,), 1.5)
        return gamma * (y - mean) / np.sqrt(variance + EPSILON) + beta

    def _output(self, x, index, rate):
        name = f"fc1_voc12_c{index}" if self.style == "caffe" else f"decoder/aspp/conv{index + 1}"
        weights = self._variable(f"{name}/weights", (3, 3, x.shape[-1], self.num_classes))
        return convolve(x, weights, 1, rate) + self._variable(f"{name}/biases", (self.num_classes,))

    def _scopes(self, place):
        if self.style == "slim":
            scope = "resnet_v1_101/conv1"
            if place != "stem":
                stage, block, part = place
                scope = f"resnet_v1_101/block{stage + 1}/unit_{block + 1}/bottleneck_v1/{part}"
            return scope, f"{scope}/BatchNorm"
        if place == "stem":
            return "conv1", "bn_conv1"
        stage, block, part = place
        # Two long stages count their blocks: a, b1, b2.
        label = "a" if not block else f"b{block}" if stage in (1, 2) else "abc"[block]
        branch = {"shortcut": "1", "conv1": "2a", "conv2": "2b", "conv3": "2c"}[part]
        return tuple(f"{kind}{stage + 2}{label}_branch{branch}" for kind in ("res", "bn"))

    def _variable(self, name, shape, center=0.0):
        if name not in self.variables:
            bound = 0.5 if len(shape) == 1 else np.sqrt(3 / np.prod(shape[:3]))
            self.variables[name] = (center + self._generator.uniform(-bound, bound, shape)).astype("float32")
        return np.float64(self.variables[name])


def convolve(x, weights, stride=1, rate=1):
    """TensorFlow's SAME: what is missing is added in equal parts, an odd one at the end."""
    size = [(taps - 1) * rate + 1 for taps in weights.shape[:2]]
    out = [-(-length // stride) for length in x.shape[1:3]]
    missing = [
        max((count - 1) * stride + extent - length, 0)
        for count, extent, length in zip(out, size, x.shape[1:3], strict=True)
    ]
    x = np.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in missing), (0, 0)))
    y = 0.0
    for i in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            rows = slice(i * rate, i * rate + (out[0] - 1) * stride + 1, stride)
            columns = slice(j * rate, j * rate + (out[1] - 1) * stride + 1, stride)
            y = y + x[:, rows, columns] @ weights[i, j]
    return y


def group_interaction(x, weights, fix_w, rate):
    """The code's loop over the groups of a map that is padded below and on the right."""
    batch, height, width, _ = x.shape
    x = np.pad(x, ((0, 0), (0, -height % rate), (0, -width % rate), (0, 0)))
    groups = [convolve(x[:, i::rate, j::rate], weights) for i in range(rate) for j in range(rate)]
    y = np.zeros((batch, *x.shape[1:3], weights.shape[-1]))
    for index in range(rate**2):
        mixed = fix_w[0, index] * groups[index]
        for other in range(1, rate**2):
            mixed = mixed + fix_w[other, index] * groups[other]
        y[:, index // rate :: rate, index % rate :: rate] = mixed
    return y[:, :height, :width]


def max_pool(x):
    """3 x 3, stride 2, SAME, of values that are not negative."""
    out = [-(-length // 2) for length in x.shape[1:3]]
    missing = [max(2 * count + 1 - length, 0) for count, length in zip(out, x.shape[1:3], strict=True)]
    x = np.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in missing), (0, 0)))
    return np.max(
        [x[:, i : i + 2 * out[0] - 1 : 2, j : j + 2 * out[1] - 1 : 2] for i in range(3) for j in range(3)],
        axis=0,
    )


def with_training_state(variables):
    """The variables, and what the code's optimizers and TensorFlow's step count add to a checkpoint."""
    slots = {f"{name}/Momentum": np.zeros_like(values) for name, values in variables.items()}
    return {**variables, **slots, "global_step": np.int64(20000)}


def write_first_format(path, variables):
    """One file, as `tf.train.Saver` wrote before its second format."""
    import tensorflow as tf

    tf.raw_ops.Save(
        filename=str(path),
        tensor_names=list(variables),
        data=[tf.constant(values) for values in variables.values()],
    )
