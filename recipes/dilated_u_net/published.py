"""The paper's table, as printed."""

from pathlib import Path

from keras_d3.settings import PublishedTable, read_rows

LABELS = ("network",)
TABLE_1 = PublishedTable(
    name="1",
    title="SDR in dB on MUSDB18, mean and median",
    metric="SDR",
    data_set="MUSDB18",
    split="test",
    num_items=50,
    labels=LABELS,
    rows=read_rows(Path(__file__).with_name("table_1.csv"), LABELS),
    aggregation="not_stated",
    decimals=3,
    notes=(
        "The paper does not say over what its mean and median are taken. This run's are of all frames with a "
        "score; so no difference is shown",
    ),
)
TABLES = (TABLE_1,)
