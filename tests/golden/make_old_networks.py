"""Makes `old_networks/`: functional networks, saved with the code of commit 00fabcd, and what they compute.

To be run in a checkout of that commit, which has the blocks and networks as they were then:

    git worktree add old 00fabcd && cd old && python ../tests/golden/make_old_networks.py ../tests/golden
"""

import sys
import zipfile
from pathlib import Path

import numpy as np

sys.path.insert(0, "")

NETWORKS = {
    "d3net": ("d3net_vocals", {}, (1, 8, 513, 2)),
    "d3net_standard_dilation": ("d3net_vocals_standard_dilation", {}, (1, 8, 513, 2)),
    "mm_dense_net": ("mmdensenet", {"norm": "layer", "dropout": 0.1, "use_bias": False}, (1, 8, 513, 2)),
    "d3net_segmentation": ("d3net_segmentation_s", {}, (1, 64, 32, 3)),
    "densenet": ("densenet_133", {}, (1, 64, 32, 3)),
    "deeplab_v2": ("deeplab_v2_aspp", {}, (1, 33, 33, 3)),
}


def draw(generator, weight):
    """Values for a weight: positive for scales and variances, of the usual size for kernels."""
    if weight.path.endswith(("variance", "gamma", "scale")):
        return generator.uniform(0.5, 2.0, weight.shape)
    fan_in = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 4
    return generator.standard_normal(weight.shape) / np.sqrt(fan_in)


def main(folder):
    """Writes `<name>.keras` and `<name>.npz` (input, outputs) of every network to `folder/old_networks`."""
    from keras_d3 import models

    folder = Path(folder) / "old_networks"
    for name, (preset, overrides, shape) in NETWORKS.items():
        generator = np.random.default_rng(0)
        model = models.build(preset, tiny=True, **overrides)
        for weight in model.weights:
            if "seed" not in weight.path:
                # Multiples of 1 / 256 make small files.
                weight.assign(np.round(draw(generator, weight) * 256) / 256)
        inputs = generator.uniform(0, 1, shape).astype("float32")
        outputs = model(inputs, training=False)
        outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
        arrays = {key: np.asarray(value) for key, value in outputs.items()}
        np.savez_compressed(folder / f"{name}.npz", input=inputs, **arrays)
        model.save(folder / f"{name}.keras")
        _compress(folder / f"{name}.keras")


def _compress(path):
    """Keras stores the parts of its archive uncompressed, and reads both."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


if __name__ == "__main__":
    main(sys.argv[1])
