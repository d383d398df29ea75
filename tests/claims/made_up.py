"""Made-up claims and ledgers: scores with known effects, no training."""

import numpy as np

from keras_d3.claims import LedgerRow, NamedClaim
from keras_d3.settings import Claim, ClaimSide

SONGS = tuple(f"song {number}" for number in range(8))
CLAIM = Claim(
    "order",
    "Good beats middling, and middling beats bad.",
    "table 1",
    "SDR",
    (
        ClaimSide("good", "good_paper", "good", 6.0),
        ClaimSide("middling", "middling_paper", "middling", 5.5),
        ClaimSide("bad", "bad_paper", "bad", 5.4),
    ),
    target="drums",
)
NAMED = NamedClaim("made_up", "Nobody, 2026", CLAIM)
LEVELS = {"good": 6.0, "middling": 5.0, "bad": 5.0}


def row(config, seed, level=0.0, **changes):
    """A run whose scores share the noise of seed and songs with the other runs."""
    rng = np.random.default_rng([seed, *config.encode()])
    shared = np.random.default_rng(seed).normal(0, 0.5) + np.linspace(-1, 1, len(SONGS))
    values = LEVELS.get(config, 0.0) + level + shared + rng.normal(0, 0.1, len(SONGS))
    facts = {
        "claims": ("made_up/order",),
        "recipe": "made_up",
        "config": config,
        "scale": "small",
        "target": "drums",
        "seed": seed,
        "corpus": "c" * 64,
        "data_set": "made-up songs",
        "split": "test",
        "code": "0123456789ab",
        "commit": "abcdefabcdef",
        "config_sha256": config,
        "machine": "a computer, 2 cores, Linux",
        "precision": "float32",
        "steps": 2000,
        "train_secs": 100.0,
        "total_secs": 130.0,
        "memory_bytes": 10**9,
        "parameters": 70_000,
        "scores": {song: {"drums": float(value)} for song, value in zip(SONGS, values, strict=True)},
        "summary": {"scores": {"drums": float(np.median(values))}, "do_nothing": {"drums": 1.4}},
        "curves": ({"epoch": 1, "loss": 0.5, "val_loss": 0.6}, {"epoch": 2, "loss": 0.4, "val_loss": 0.5}),
    }
    return LedgerRow(**{**facts, **changes})


def rows(seeds=range(5), **changes):
    return [row(config, seed, **changes) for seed in seeds for config in LEVELS]
