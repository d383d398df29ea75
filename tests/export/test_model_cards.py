"""Model cards: of published weights, of runs, and of exports whose metadata tell little."""

from keras_d3.export import model_card

SEPARATOR = {"sources": ["bass", "vocals"], "sample_rate_hz": 22050, "channels": 1, "commit": "abc"}
SEGMENTER = {"task": "segmentation", "classes": ["road", "car"], "keras_d3_version": "0.2.0"}


def section(card, title):
    """The lines below a heading, without empty ones."""
    text = card.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line for line in text.splitlines() if line]


def test_a_run():
    run = {
        "recipe": "wave_u_net",
        "config": "m6",
        "commit": "123",
        "epochs": {"None": 7},
        "weights": "best",
        "initial_weights": {"None": {"source": "last.keras", "sha256": "f00"}},
    }
    scores = [
        {
            "metric": "SDR in dB, track_median, MUSDB18 test, 50 songs",
            "scores": {"bass": 3.214, "vocals": 4.0},
            "scores_source": "the run's own evaluation by keras-d3",
        }
    ]
    tracks = {"train": [f"song {index}" for index in range(7)], "validation": ["song 9"]}
    recipe = {"run": run, "config": {"a": "long one"}, "tracks": tracks}
    card = model_card({**SEPARATOR, "recipe": recipe, "scores": scores})
    assert "\n# wave_u_net, m6\n" in card
    assert "splits songs into bass, vocals. Its networks work at 22050 Hz with 1 channel;" in card
    assert section(card, "Where it comes from") == [
        "- A training: recipe wave_u_net, config m6, commit 123",
        "- Epochs: 7; weights kept: best",
    ]
    assert section(card, "Data") == [
        "- train: 7 (song 0, song 1, song 2, song 3, song 4 and 2 more)",
        "- validation: 1 (song 9)",
        "- Started from source last.keras, sha256 f00",
    ]
    assert section(card, "Scores") == [
        "SDR in dB, track_median, MUSDB18 test, 50 songs.",
        "| bass | vocals |",
        "|---:|---:|",
        "| 3.21 | 4.00 |",
        "Source: the run's own evaluation by keras-d3.",
    ]


def test_published_weights():
    published = {
        "name": "d3net",
        "title": "A network",
        "paper": "A paper",
        "page": "https://a.example",
        "file": "a.h5",
        "size_bytes": 12,
        "sha256": "f00",
        "data": "Cityscapes",
        "license": "MIT",
        "metric": "mean IoU in %",
        "scores": {"mean IoU": 79.9},
        "scores_source": "a README",
    }
    card = model_card({**SEGMENTER, "published": published, "recipe": {"converted_from": "NNabla"}})
    assert card.startswith(
        "---\nlibrary_name: tensorflow\ntags:\n- keras-d3\n- image-segmentation\n---\n\n# d3net"
    )
    assert "gives every pixel of an RGB image one of 2 classes (road, car)." in card
    assert section(card, "Where it comes from") == [
        "- A network",
        "- Paper: A paper",
        "- Authors' page: https://a.example",
        "- File: a.h5, 12 bytes, SHA-256 f00",
        "- Converted from NNabla",
    ]
    assert section(card, "Data") == ["- Trained on Cityscapes"] and section(card, "License")[0] == "MIT"
    assert section(card, "Scores")[0] == (
        "As published for the authors' weights, not measured here: mean IoU in %."
    )
    assert section(card, "Scores")[-2:] == ["| 79.90 |", "Source: a README."]


def test_what_is_not_known_is_said():
    card = model_card({})
    assert section(card, "Where it comes from") == section(card, "Data") == ["- not stated"]
    assert section(card, "License")[0] == "Of the weights: not stated."
    assert section(card, "Scores")[0].startswith("None came with this export.")
    assert section(card, "Made with") == [
        "keras-d3 not stated, commit not stated, TensorFlow not stated, Keras not stated"
    ]
