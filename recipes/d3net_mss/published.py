"""The paper's table of music separation, as printed."""

from pathlib import Path

from keras_d3.settings import PublishedTable, read_rows

LABELS = ("method", "domain")
TABLE_4 = PublishedTable(
    name="4",
    title="SDR in dB on MUSDB18",
    metric="SDR",
    data_set="MUSDB18",
    split="test",
    num_items=50,
    labels=LABELS,
    rows=read_rows(Path(__file__).with_name("table_4.csv"), LABELS),
    aggregation="track_median",
    decimals=2,
    notes=(
        "accompaniment: the sum of drums, bass and other",
        "average: the mean of vocals, drums, bass and other",
    ),
)
TABLES = (TABLE_4,)
