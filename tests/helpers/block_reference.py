"""Dense blocks in NumPy float64, written from the papers' equations and nothing else."""

import numpy as np

EPSILON = 1e-5


def convolve(x, kernel, rate=1):
    """SAME convolution (batch, height, width, channels), by shifting the padded input per tap."""
    height, width = x.shape[1:3]
    reach = [(size - 1) * rate for size in kernel.shape[:2]]
    padded = np.pad(x, [(0, 0)] + [(total // 2, total - total // 2) for total in reach] + [(0, 0)])
    outputs = np.zeros((*x.shape[:3], kernel.shape[-1]))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            shifted = padded[:, i * rate : i * rate + height, j * rate : j * rate + width]
            outputs += shifted @ kernel[i, j]
    return outputs


def norm_relu(x, norm):
    gamma, beta, mean, variance = (np.asarray(weight, "float64") for weight in norm.get_weights())
    return np.maximum((x - mean) / np.sqrt(variance + EPSILON) * gamma + beta, 0)


def rate_of(dilation, source, layer):
    return {"none": 1, "standard": 2**layer, "multidilated": 2**source}[dilation]


def layers_from_sources(block, x):
    """All layer outputs with norm="source": a sum over (source, layer) pairs."""
    k = block.growth_rate
    maps = [x]
    for layer in range(block.num_layers):
        total = 0
        for source in range(layer + 1):
            kernel, bias = (np.asarray(w, "float64") for w in block.convs[source].get_weights())
            part = slice((layer - source) * k, (layer - source + 1) * k)
            y = norm_relu(maps[source], block.norms[source])
            total = (
                total + convolve(y, kernel[..., part], rate_of(block.dilation, source, layer)) + bias[part]
            )
        maps.append(total)
    return maps[1:]


def layers_from_concatenation(block, x):
    """All layer outputs with norm="layer": one normalization of the concatenation per layer."""
    maps = [x]
    for layer in range(block.num_layers):
        y = norm_relu(np.concatenate(maps, -1), block.norms[layer])
        kernel, bias = (np.asarray(w, "float64") for w in block.convs[layer].get_weights())
        total, start = bias, 0
        for source, channels in enumerate(m.shape[-1] for m in maps):
            part = slice(start, start + channels)
            total = total + convolve(y[..., part], kernel[:, :, part], rate_of(block.dilation, source, layer))
            start += channels
        maps.append(total)
    return maps[1:]


def dense_block(block, x):
    """The whole block, bottleneck and compression included."""
    x = np.asarray(x, "float64")
    if block.bottleneck is not None:
        norm, conv = block.bottleneck
        kernel, bias = (np.asarray(w, "float64") for w in conv.get_weights())
        x = convolve(norm_relu(x, norm), kernel) + bias
    layers = (layers_from_sources if block.norm == "source" else layers_from_concatenation)(block, x)
    kept = [x, *layers] if block.output_layers == "all" else layers[-block.output_layers :]
    outputs = np.concatenate(kept, -1)
    if block.reduction is not None:
        norm, conv = block.reduction
        (kernel,) = (np.asarray(w, "float64") for w in conv.get_weights())
        outputs = convolve(norm_relu(outputs, norm), kernel)
    return outputs


def d3_block(block, x):
    """The D3 block for both connections."""
    k, x = block.growth_rate, np.asarray(x, "float64")
    if block.connection == "concatenate":
        outputs = [x]
        for d2 in block.blocks:
            outputs.append(dense_block(d2, np.concatenate(outputs, -1)))
        return np.concatenate(outputs, -1) if block.output_blocks == "all" else outputs[-1]
    groups = [0] * block.num_blocks
    for index, d2 in enumerate(block.blocks):
        shares = dense_block(d2, x if index == 0 else groups[index - 1])
        for later in range(index, block.num_blocks):
            groups[later] = groups[later] + shares[..., (later - index) * k : (later - index + 1) * k]
    return groups[-1]


def randomize(layer, seed=0):
    """Random weights for everything, moving statistics included."""
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        if weight.path.endswith(("moving_variance", "gamma")):
            weight.assign(generator.uniform(0.5, 2.0, weight.shape))
        elif weight.path.endswith("kernel"):
            fan_in = int(np.prod(weight.shape[:-1]))
            weight.assign(generator.standard_normal(weight.shape) * np.sqrt(2 / fan_in))
        else:
            weight.assign(generator.standard_normal(weight.shape) * 0.5)
