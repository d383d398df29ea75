"""The paper's tables, as printed."""

from pathlib import Path

from keras_d3.settings import PublishedTable, read_rows

LABELS = ("encoder",)
VOC_VAL = {"data_set": "PASCAL VOC 2012", "split": "validation", "num_items": 1449}
CITYSCAPES_VAL = {"data_set": "Cityscapes", "split": "validation", "num_items": 500}


def _table(number, output_layer, coco, images):
    weights = "MS-COCO" if coco else "ImageNet"
    return PublishedTable(
        name=str(number),
        title=f"DeepLabv2 with {output_layer}, from {weights}, on {images['data_set']}",
        metric="IoU",
        labels=LABELS,
        rows=read_rows(Path(__file__).with_name(f"table_{number}.csv"), LABELS),
        column="paper, COCO" if coco else "paper, ImageNet",
        initial_weights=weights,
        **images,
    )


TABLE_1 = _table(1, "ASPP", True, VOC_VAL)
TABLE_2 = _table(2, "ASPP", False, VOC_VAL)
TABLE_3 = _table(3, "LargeFOV", True, VOC_VAL)
TABLE_4 = _table(4, "LargeFOV", False, VOC_VAL)
TABLE_5 = _table(5, "ASPP", True, CITYSCAPES_VAL)
TABLE_6 = _table(6, "ASPP", False, CITYSCAPES_VAL)
TABLES = (TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5, TABLE_6)
