"""The official Wave-U-Net restated in NumPy, float64, and its checkpoints written by hand.

Like the original, it makes a variable the first time that it is asked for one; here with random values.
"""

import numpy as np


class OfficialWaveUNet:
    """Settings under the official keys; `variables` holds what was made so far, by its official name."""

    def __init__(self, settings, seed=0):
        self.settings, self.variables, self._count = settings, {}, 0
        self._generator = np.random.default_rng(seed)

    def lengths(self):
        """Input and output samples for `num_frames`, by a walk there and back."""
        settings, num_levels = self.settings, self.settings["num_layers"]
        if not settings["context"]:
            return settings["num_frames"], settings["num_frames"]
        rest = settings["num_frames"] - settings["output_filter_size"] + 1
        for _ in range(num_levels):
            rest = (rest + settings["merge_filter_size"]) / 2
        output = int(np.ceil(rest))
        mixture = output + settings["filter_size"] - 1
        for level in range(num_levels, 0, -1):
            output = 2 * output - settings["merge_filter_size"]
            mixture = 2 * mixture - 2 + settings["input_filter_size" if level == 1 else "filter_size"]
        return mixture, output - settings["output_filter_size"] + 1

    def __call__(self, mixture, training=False):
        settings, self._count = self.settings, 0
        filters, num_levels = settings["num_initial_filters"], settings["num_layers"]
        x, skips = np.float64(mixture), []
        for level in range(num_levels):
            x = self._layer(x, filters * (level + 1), settings["filter_size"])
            skips.append(x)
            x = x[:, ::2]
        x = self._layer(x, filters * (num_levels + 1), settings["filter_size"])
        for step in range(num_levels):
            x = self._upsample(x, step)
            x = np.concatenate([crop(skips[-step - 1], x.shape[1]), x], axis=2)
            x = self._layer(x, filters * (num_levels - step), settings["merge_filter_size"])
        cut = crop(np.float64(mixture), x.shape[1])
        x = np.concatenate([cut, x], axis=2)

        def clip(values):
            return values if training else np.clip(values, -1, 1)

        activation = np.tanh if settings["output_activation"] == "tanh" else clip
        sources, channels = settings["source_names"], 1 if settings["mono_downmix"] else 2
        is_difference = settings["output_type"] == "difference"
        outputs = {}
        for source in sources[:-1] if is_difference else sources:
            outputs[source] = self._layer(x, channels, settings["output_filter_size"], activation)
        if is_difference:
            total = sum(outputs.values())
            outputs[sources[-1]] = clip(crop(cut, total.shape[1]) - total)
        return outputs

    def _layer(self, x, filters, taps, activation=None):
        scope = "separator/conv1d" + (f"_{self._count}" if self._count else "")
        self._count += 1
        bound = np.sqrt(3 / (taps * x.shape[2]))
        kernel = self._variable(f"{scope}/kernel", (taps, x.shape[2], filters), bound)
        bias = self._variable(f"{scope}/bias", (filters,), 0.2)
        if not self.settings["context"]:
            x = np.pad(x, ((0, 0), ((taps - 1) // 2, taps // 2), (0, 0)))
        length = x.shape[1] - taps + 1
        y = sum(x[:, tap : tap + length] @ kernel[tap] for tap in range(taps)) + bias
        return np.maximum(0.2 * y, y) if activation is None else activation(y)

    def _upsample(self, x, step):
        context, length = self.settings["context"], x.shape[1]
        if self.settings["upsampling"] == "learned":
            weight = 1 / (1 + np.exp(-self._variable(f"separator/interp_{step}", (x.shape[2],), 2)))
            after = x[:, 1:] if context else np.pad(x[:, 1:], ((0, 0), (0, 1), (0, 0)))
            between = weight * x[:, : after.shape[1]] + (1 - weight) * after
            outputs = np.zeros((len(x), length + after.shape[1], x.shape[2]))
            outputs[:, ::2], outputs[:, 1::2] = x, between
            return outputs
        # TensorFlow 1's resize: corners aligned, or positions times the ratio of the lengths.
        size = 2 * length - 1 if context else 2 * length
        places = np.arange(size) * ((length - 1) / (size - 1) if context else length / size)
        lower = np.floor(places + 1e-9).astype(int)
        upper, share = np.minimum(lower + 1, length - 1), (places - lower)[:, None]
        return x[:, lower] * (1 - share) + x[:, upper] * share

    def _variable(self, name, shape, bound):
        if name not in self.variables:
            self.variables[name] = self._generator.uniform(-bound, bound, shape).astype("float32")
        return np.float64(self.variables[name])


def crop(x, length):
    """The middle; of an odd surplus, one more leaves at the end."""
    start = (x.shape[1] - length) // 2
    return x[:, start : start + length]


def write_checkpoint(prefix, variables, with_solver=True):
    """Writes `{name: array}` in TensorFlow 1's format, with what Adam and the step count add."""
    import tensorflow as tf

    variables = dict(variables)
    if with_solver:
        for name, values in list(variables.items()):
            for slot in ("Adam", "Adam_1"):
                variables[f"separator_solver/{name}/{slot}"] = np.zeros_like(values)
        variables["separator_solver/beta1_power"] = np.float32(0.9)
        variables["global_step"] = np.int64(2000)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=[tf.constant(values) for values in variables.values()],
    )
