"""MMDenseNet in plain PyTorch, to compare times with; run by `benchmarks.mm_dense_net`.

Written from the same description as `keras_d3.models.mm_dense_net.mm_dense_net` at its defaults, the way one
writes it first: a normalization and a convolution per layer over the concatenated maps. It has the
same convolution work. It needs PyTorch and NumPy, and nothing of Keras.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing_report import rate_of_product, report

EPSILON = 1e-5


class SameConv(nn.Conv2d):
    """Convolution padded to the input's size, an odd surplus after the last row or column."""

    def forward(self, x):
        rows, columns = (size - 1 for size in self.kernel_size)
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(x)


class Dense(nn.Module):
    def __init__(self, channels, growth_rate, num_layers, kernel_size):
        super().__init__()
        widths = [channels + growth_rate * index for index in range(num_layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, EPSILON) for width in widths)
        self.convs = nn.ModuleList(SameConv(width, growth_rate, kernel_size) for width in widths)

    def forward(self, x):
        for norm, conv in zip(self.norms, self.convs, strict=True):
            new = conv(F.relu(norm(x)))
            x = torch.cat([x, new], 1)
        return new


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, EPSILON)
        self.conv = nn.ConvTranspose2d(channels, channels, 2, 2)

    def forward(self, x, skip):
        x = self.conv(self.norm(x))
        return torch.cat([x[..., : skip.shape[-1]], skip], 1)


class BandNetwork(nn.Module):
    def __init__(self, band, channels):
        super().__init__()
        blocks, kernel = band["blocks"], tuple(band["kernel_size"])
        depth = len(blocks) // 2
        self.first = SameConv(channels, band["filters"], tuple(band["first_kernel_size"]))
        self.down, self.up, self.dense = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels, skips = band["filters"], []
        for growth_rate, num_layers, _ in blocks[: depth + 1]:
            self.down.append(Dense(channels, growth_rate, num_layers, kernel))
            channels = growth_rate
            skips.append(channels)
        for index, (growth_rate, num_layers, _) in enumerate(blocks[depth + 1 :]):
            self.up.append(Up(channels))
            self.dense.append(Dense(channels + skips[depth - 1 - index], growth_rate, num_layers, kernel))
            channels = growth_rate

    def forward(self, x):
        x, skips = self.first(x), []
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
            x = F.avg_pool2d(F.pad(x, (0, x.shape[-1] % 2)), 2)
        x = self.down[-1](x)
        for up, dense, skip in zip(self.up, self.dense, reversed(skips), strict=True):
            x = dense(up(x, skip))
        return x


class Network(nn.Module):
    """Magnitudes (batch, channels, frames, bins) to magnitudes; frames a multiple of the poolings."""

    def __init__(self, num_bins, bands, full, final_block, channels=2):
        super().__init__()
        self.splits = [band["num_bins"] for band in bands]
        self.bands = nn.ModuleList(BandNetwork(band, channels) for band in bands)
        self.full = BandNetwork(full, channels)
        widths = [band["blocks"][-1][0] for band in bands]
        widest = max(widths, default=0)
        self.match = nn.ModuleList(
            nn.Identity()
            if width == widest
            else nn.Sequential(nn.BatchNorm2d(width, EPSILON), nn.Conv2d(width, widest, 1))
            for width in widths
        )
        growth_rate = final_block["growth_rate"]
        merged = widest + full["blocks"][-1][0]
        self.final = Dense(merged, growth_rate, final_block["num_layers"], tuple(final_block["kernel_size"]))
        self.norm = nn.BatchNorm2d(growth_rate, EPSILON)
        self.gate, self.value = (nn.Conv2d(growth_rate, channels, 1) for _ in range(2))
        ones, zeros = torch.ones(num_bins), torch.zeros(num_bins)
        self.in_scale, self.in_offset = nn.Parameter(ones.clone()), nn.Parameter(zeros)
        self.out_scale, self.out_offset = nn.Parameter(ones.clone()), nn.Parameter(ones.clone())

    def forward(self, x):
        x = (x - self.in_offset) / self.in_scale
        outputs = [self.full(x)]
        if self.splits:
            parts = torch.split(x, self.splits, dim=-1)
            bands = [
                match(band(part)) for match, band, part in zip(self.match, self.bands, parts, strict=True)
            ]
            outputs.insert(0, torch.cat(bands, -1))
        x = self.norm(self.final(torch.cat(outputs, 1)))
        x = self.value(x) * torch.sigmoid(self.gate(x))
        return F.relu(x * self.out_scale + self.out_offset)


def main(arguments):
    job = json.loads(arguments[-1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    model = Network(**job["arguments"])
    inputs = torch.rand(1, 2, 256, job["arguments"]["num_bins"])

    def forward():
        with torch.no_grad():
            return model(inputs)

    def training():
        model.zero_grad()
        torch.mean((model(inputs) - inputs / 4) ** 2).backward()

    model.train(job["step"] == "training")
    matrix = torch.randn(2048, 2048)
    product = lambda: rate_of_product(lambda: matrix @ matrix)  # noqa: E731
    report({"forward": forward, "training": training}[job["step"]], product, job["repeats"])


if __name__ == "__main__":
    main(sys.argv[1:])
