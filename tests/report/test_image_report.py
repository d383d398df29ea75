"""The report on segmentation networks, and tables as text, from made-up figures."""

import dataclasses
import re

import numpy as np
import pytest

from keras_d3.images import LabelSet
from keras_d3.report import (
    Cell,
    ExampleImage,
    PublishedIoU,
    SegmentationEntry,
    SegmentationReportData,
    Table,
    iou_table,
    seeds_of_networks,
    table_as_text,
    write_segmentation_report,
)

EVIL = '<script>alert("1")</script>'
LABELS = LabelSet(("sky", "road"), ((0, 0, 255), (255, 0, 0)))


def scores(sky, road):
    found = [value for value in (sky, road) if value is not None]
    return {"mean_iou": sum(found) / len(found), "pixel_accuracy": 0.75, "iou": {"sky": sky, "road": road}}


def sample():
    image = ExampleImage("city 1", np.zeros((4, 6, 3), "uint8"), np.zeros((4, 6), "int64"))
    labels = {"city 1": np.ones((4, 6), "int64")}
    history = [{"epoch": 1, "loss": 2.0, "val_loss": 1.5}, {"epoch": 2, "loss": 1.0, "val_loss": 1.25}]
    published = (PublishedIoU("paper", 65.1, "Cityscapes val; table 1"),)
    common = {"preset": "p", "parameters": 1234, "secs_per_image": 0.25, "memory_bytes": 1_500_000_000}
    return SegmentationReportData(
        title=f"Networks {EVIL}",
        label_set=LABELS,
        models=(
            SegmentationEntry(
                "A, seed 0",
                "A",
                seed=0,
                scores=scores(0.5, 0.3),
                published=published,
                curves=history,
                predictions=labels,
                initial_weights="from scratch",
                **common,
            ),
            SegmentationEntry("A, seed 1", "A", seed=1, scores=scores(0.6, 0.4), **common),
            SegmentationEntry(EVIL, scores=scores(None, 0.8), **common),
        ),
        images=(image,),
        data_set=f"scenes {EVIL}",
        commit="abc",
    )


def test_cells_are_the_figures():
    table = iou_table(sample())
    rows = [[cell.text for cell in row] for row in table.rows]
    assert table.columns == ("Network", "paper", "This run", "Right pixels")
    assert rows == [
        ["A, seed 0", "65.1", "40.0", "75.0"],
        ["A, seed 1", "", "50.0", "75.0"],
        [EVIL, "", "80.0", "75.0"],
    ]
    assert [row[2].best for row in table.rows] == [False, False, True]
    assert table.rows[0][1].mark == "a" and table.notes == (("a", "Cityscapes val; table 1"),)


def test_seeds_have_mean_and_sample_deviation():
    table = seeds_of_networks(sample())
    # 40 and 50: mean 45, deviation 10 / sqrt(2).
    assert [[cell.text for cell in row] for row in table.rows] == [["A", "0, 1", "45.0 ± 7.1"]]
    single = dataclasses.replace(sample(), models=sample().models[1:])
    assert seeds_of_networks(single) is None


def test_the_page_needs_nothing_and_escapes_everything(tmp_path):
    path = write_segmentation_report(tmp_path / "report.html", sample())
    page, markdown = path.read_text(), path.with_suffix(".md").read_text()
    assert EVIL not in page and "<script>alert" not in markdown
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert page.count("data:image/png;base64,") == 3  # image, labels, one prediction
    for text in ("A, seed 0", "1,234", "0.25", "1.50", "45.0 ± 7.1", "sky", "from scratch"):
        assert text in page and text in markdown
    # A class without a pixel has an empty cell.
    assert re.search(r">sky</th><td>50\.0</td><td class=\"best\">60\.0</td><td></td>", page)


def test_errors():
    data = sample()
    with pytest.raises(ValueError, match="unique names"):
        dataclasses.replace(data, models=(data.models[0], data.models[0]))
    wrong = dataclasses.replace(data.models[0], predictions={"city 1": np.zeros((2, 2))})
    with pytest.raises(ValueError, match=r"size of their image. Received: \(2, 2\) of A, seed 0"):
        dataclasses.replace(data, models=(wrong,))
    with pytest.raises(ValueError, match="must end in '.html'"):
        write_segmentation_report("report.pdf", data)


def test_text_has_aligned_columns_and_centered_groups():
    table = Table(
        "Caption",
        ("name", "a", "b"),
        ((Cell("x"), Cell("1.0"), Cell("2", mark="1")), (Cell("longer"), Cell(), Cell("3"))),
        groups=(("", 1), ("a long group", 2)),
        notes=((1, "a note"),),
    )
    assert table_as_text(table).splitlines() == [
        "Caption",
        "",
        "        a long group",
        "name      a        b",
        "------  ---  -------",
        "x       1.0    2 (1)",
        "longer             3",
        "(1) a note",
    ]
