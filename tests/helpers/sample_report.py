"""Made-up report data to look at and to test with: never results.

`python -m tests.helpers.sample_report OUT.html` writes a report of it, with real stems where stempeg
is installed.
"""

import sys

import numpy as np

from keras_d3.evaluation import aggregate
from keras_d3.evaluation.museval_scores import METRICS
from keras_d3.report import Excerpt, ModelEntry, PublishedScore, ReportData, write_report

SOURCES = ("vocals", "drums", "bass", "other")
NOTICE = "Sample data: every number here is made up to show the layout."
MUSDB = "MUSDB18 test, 50 tracks"


def sample_report(secs=0.5, sample_rate_hz=8000, num_models=6, stems=None, **changes):
    """Returns ReportData with `num_models` made-up architectures."""
    stems = stems or make_music(secs, sample_rate_hz)
    mixture = sum(stems.values())
    rng = np.random.default_rng(5)
    named = (
        ("Wave-U-Net M1", "wave_u_net_m1", "Stoller, Ewert, Dixon, 2018", 10_268_000, "147,443 samples"),
        ("Wave-U-Net M6", "wave_u_net_m6", "Stoller, Ewert, Dixon, 2018", 10_280_000, "147,443 samples"),
        ("Dilated U-Net", "dilated_u_net", "Cohen-Hadria and others, 2019", 4_700_000, ""),
        ("Dilated Dense U-Net", "dilated_dense_u_net", "Sivaraman and others, 2019", 3_100_000, "4.1 s"),
        ("MMDenseNet", "mmdensenet", "Takahashi and Mitsufuji, 2017", 330_000, "127 frames (1.5 s)"),
        ("D3Net", "d3net_vocals", "Takahashi and Mitsufuji, 2021", 7_900_000, "1,040 frames (24 s)"),
    )[:num_models]
    models = []
    for index, (name, preset, paper, parameters, field) in enumerate(named):
        leak = 0.35 - 0.045 * index
        estimates = {
            source: (1 - leak) * audio + leak * mixture / 2 + 0.003 * rng.standard_normal(audio.shape)
            for source, audio in stems.items()
        }
        models.append(
            ModelEntry(
                name=name,
                preset=preset,
                paper=paper,
                parameters=parameters,
                receptive_field=field,
                train_secs=70.0 + 31 * index,
                train_steps=600,
                train_epochs=12,
                speed_times_real_time=60.0 / (index + 1),
                scores=made_up_scores(3.0 + 0.7 * index, rng),
                paper_scores={
                    source: PublishedScore(value, "all_frames_median" if index < 2 else "track_median", MUSDB)
                    for source, value in zip(SOURCES, (3.0, 4.2, 2.9, 2.0), strict=True)
                    if index != 4
                },
                official_scores={"vocals": PublishedScore(7.14, "track_median", MUSDB)} if index == 5 else {},
                curves=_curves(rng, index),
                config="tiny",
                seed=index,
                estimates=estimates,
            )
        )
    values = {
        "title": "Music source separation, side by side",
        "sources": SOURCES,
        "models": tuple(models),
        "baselines": (made_up_scores(-1.0, rng),),
        "excerpt": Excerpt("Someone - Something", sample_rate_hz, mixture, stems, start_secs=2.0),
        "intro": "Six architectures, trained from the same records, exported, and scored from the export.",
        "notice": NOTICE,
        "data_set": "demo corpus, 4 test tracks of 6.8 s",
        "attribution": "Someone - Something: an excerpt by Someone, CC BY-NC-SA 3.0",
        "commit": "0123abc",
        "machine": "2 cores, no GPU",
        "date": "2000-01-01",
        "command": "make demo",
        "seed": 1,
        "footnotes": ("A note at the end.",),
    }
    return ReportData(**{**values, **changes})


def made_up_scores(level, rng, sources=SOURCES):
    tracks = []
    for number in range(4):
        targets = {
            source: {
                metric: [None, *(level - k + 2.5 * rng.standard_normal(6)).tolist()] for metric in METRICS
            }
            for k, source in enumerate(sources)
        }
        tracks.append(
            {
                "track": f"track {number}",
                "tool": "BSS Eval v4, made up",
                "sample_rate_hz": 44100,
                "window_samples": 44100,
                "hop_samples": 44100,
                "targets": targets,
            }
        )
    return aggregate(tracks)


def make_music(secs, sample_rate_hz):
    """Returns four stereo stems of simple tones and clicks."""
    time = np.arange(int(secs * sample_rate_hz)) / sample_rate_hz
    rng = np.random.default_rng(3)
    voice = 0.3 * np.sin(2 * np.pi * 440 * time + 4 * np.sin(2 * np.pi * 5 * time))
    clicks = 0.5 * rng.standard_normal(len(time)) * np.exp(-30 * (time % 0.25))
    bass = 0.3 * np.sin(2 * np.pi * 110 * time)
    chords = 0.1 * sum(np.sin(2 * np.pi * frequency * time) for frequency in (523, 659, 784))
    mono = dict(zip(SOURCES, (voice, clicks, bass, chords), strict=True))
    return {name: np.stack([0.8 * audio, audio], axis=1) for name, audio in mono.items()}


def _curves(rng, index):
    def losses(start):
        epochs = np.arange(1, 13)
        fall = start * np.exp(-epochs / 4) + 0.02
        return [
            {"epoch": int(epoch), "loss": float(loss), "val_loss": float(loss * (1.1 + 0.1 * rng.random()))}
            for epoch, loss in zip(epochs, fall, strict=True)
        ]

    return {source: losses(0.5 + k) for k, source in enumerate(SOURCES)} if index > 3 else losses(0.1)


def main():
    try:
        import stempeg

        audio, rate = stempeg.read_stems(stempeg.example_stem_path())
        stems = dict(zip(("drums", "bass", "other", "vocals"), audio[1:5], strict=True))
        stems = {source: stems[source] for source in SOURCES}
    except (ImportError, RuntimeError):
        rate, stems = 44100, make_music(6.0, 44100)
    data = sample_report(stems=stems, sample_rate_hz=rate)
    print(write_report(sys.argv[1], data))


if __name__ == "__main__":
    main()
