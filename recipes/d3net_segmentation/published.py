"""The paper's tables of semantic segmentation, as printed."""

from pathlib import Path

from keras_d3.settings import PublishedTable, read_rows

FOLDER = Path(__file__).parent
METHOD = ("method", "backbone")

# 40,000 steps from scratch.
TABLE_1 = PublishedTable(
    name="1",
    title="Networks trained from scratch, 40,000 steps",
    metric="IoU",
    data_set="Cityscapes",
    split="validation",
    num_items=500,
    labels=("backbone",),
    rows=read_rows(FOLDER / "table_1.csv", ("backbone",)),
    notes=("The paper prints k = 23 for DenseNet-189; densenet_189_matched has the size it prints",),
)
TABLE_2 = PublishedTable(
    name="2",
    title="Networks that start from ImageNet, 80,000 steps",
    metric="IoU",
    data_set="Cityscapes",
    split="validation",
    num_items=500,
    labels=(*METHOD, "remark"),
    rows=read_rows(FOLDER / "table_2.csv", (*METHOD, "remark")),
    initial_weights="ImageNet",
)
TABLE_3 = PublishedTable(
    name="3",
    title="The test server, 160,000 steps of 12 images",
    metric="IoU",
    data_set="Cityscapes",
    split="test",
    num_items=1525,
    labels=METHOD,
    rows=read_rows(FOLDER / "table_3.csv", METHOD),
    initial_weights="ImageNet",
    settings="six scales and flip",
    notes=("the server alone has the labels of this split",),
)
TABLES = (TABLE_1, TABLE_2, TABLE_3)
