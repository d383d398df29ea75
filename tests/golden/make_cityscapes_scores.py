"""Makes cityscapes_scores.json and .npz: IoU by the official script on generated label maps.

The package is no dependency: it asks for PyPI's `typing`, which stands in the way of Python's own.
    pip install --no-deps cityscapesscripts==2.3.0 pyquaternion appdirs
    python -m tests.golden.make_cityscapes_scores
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from keras_d3.images.label_sets import CITYSCAPES
from tfrecords_tools.label_maps import CITYSCAPES_IDS

FOLDER = Path(__file__).parent
CLASSES = list(CITYSCAPES.names)


def cases(seed=0):
    """Returns `{case: (labels, predictions)}`: labels are the data set's ids, predictions training ids."""
    rng = np.random.default_rng(seed)
    made = {}
    for case, true_classes, found_classes in (
        ("all", range(19), range(19)),
        # Some classes are in neither, and some are predicted that are not there.
        ("few", (0, 1, 2, 8, 10, 13), (0, 1, 2, 8, 10, 11, 13, 18)),
    ):
        ids = np.array(CITYSCAPES_IDS)[list(true_classes)]
        truth = rng.choice(len(ids), (2, 12, 16))
        labels = ids[truth].astype("uint8")
        found = np.array(list(true_classes))[truth]
        wrong = rng.random(found.shape) < 0.4
        found[wrong] = rng.choice(list(found_classes), wrong.sum())
        # Ids that are not evaluated, each somewhere.
        for number, other in enumerate(sorted(set(range(34)) - set(CITYSCAPES_IDS))):
            labels[number % 2, number % 12, :3] = other
        made[case] = labels, found.astype("uint8")
    return made


def official_scores(labels, predictions, folder):
    """Returns `{"mean_iou", "iou"}` by `evalPixelLevelSemanticLabeling`."""
    import cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling as script

    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, (label, found) in enumerate(zip(labels, predictions, strict=True)):
        pair = folder / f"{number}_prediction.png", folder / f"{number}_gtFine_labelIds.png"
        Image.fromarray(np.array(CITYSCAPES_IDS, "uint8")[found]).save(pair[0])
        Image.fromarray(label).save(pair[1])
        names.append(tuple(map(str, pair)))
    script.args.evalInstLevelScore = False
    script.args.JSONOutput = False
    script.args.quiet = True
    results = script.evaluateImgLists(*map(list, zip(*names, strict=True)), script.args)
    iou = {name: float(results["classScores"][name]) for name in CLASSES}
    return {
        "mean_iou": float(results["averageScoreClasses"]),
        "iou": {name: None if np.isnan(value) else value for name, value in iou.items()},
    }


def main():
    maps, scores = {}, {}
    for case, (labels, predictions) in cases().items():
        maps[f"{case}_labels"], maps[f"{case}_predictions"] = labels, predictions
        with tempfile.TemporaryDirectory() as folder:
            scores[case] = official_scores(labels, predictions, Path(folder))
    np.savez_compressed(FOLDER / "cityscapes_scores.npz", **maps)
    values = {"made_by": "cityscapesscripts 2.3.0", "classes": CLASSES, "cases": scores}
    (FOLDER / "cityscapes_scores.json").write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
