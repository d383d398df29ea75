"""The report's files: cells, escaping, gaps, pictures and sounds."""

import base64
import dataclasses
import html
import html.parser
import io
import re

import numpy as np
import pytest
import soundfile

from keras_d3.report import Excerpt, ModelEntry, PublishedScore, ReportData, media, tables, write_report
from keras_d3.report.curves import curves_svg
from keras_d3.report.html_page import render_html
from keras_d3.report.markdown_page import render_markdown
from keras_d3.report.table import escape_markdown as escape
from tests.helpers.sample_report import MUSDB, SOURCES, made_up_scores, sample_report

EVIL = '<script>alert("x")</script>|`_*&\'"'


class _Checker(html.parser.HTMLParser):
    """Collects the text of table cells and every attribute; notes tags that do not close in order."""

    VOID = {"meta", "link", "img", "input", "wbr"}

    def __init__(self):
        super().__init__()
        self.cells, self.attributes, self.open, self.faults, self.scripts = [], [], [], [], 0

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self.scripts += tag == "script"
        if tag in self.VOID:
            return
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append((tag, self.getpos()))

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data


def _parse(text):
    checker = _Checker()
    checker.feed(text)
    assert not checker.faults and not checker.open
    return checker


@pytest.fixture(scope="module")
def sample():
    return sample_report(num_models=2)


def test_writes_two_files_that_need_nothing_else(sample, tmp_path):
    path = write_report(tmp_path / "out" / "report.html", sample)
    assert sorted(item.name for item in path.parent.iterdir()) == ["report.html", "report.md"]
    page = _parse(path.read_text(encoding="utf-8"))
    links = [value for _, name, value in page.attributes if name in ("src", "href", "poster", "action")]
    assert all(value.startswith(("data:", "#")) for value in links)
    assert not re.search(r"url\(|@import|https?:", path.read_text(encoding="utf-8").replace("data:", ""))


def test_code_in_prose(sample):
    page = render_html(dataclasses.replace(sample, intro="By `fit` & `<b>`.", footnotes=("One ` alone.",)))
    assert "By <code>fit</code> &amp; <code>&lt;b&gt;</code>." in page and "<li>One ` alone.</li>" in page
    _parse(page)


def test_cells(sample):
    page = _parse(render_html(sample))
    for text in (
        "Wave-U-Net M1wave_u_net_m1",
        "10,268,000",
        "1 min 10 s",
        "60012 epochs",
        "60×",
        "Do nothing",
    ):
        assert any(text in cell for cell in page.cells), text
    vocals = sample.models[0].scores
    gain = vocals["track_median"]["vocals"]["SDR"] - sample.baselines[0]["track_median"]["vocals"]["SDR"]
    assert f"{vocals['track_median']['vocals']['SDR']:.2f}{gain:+.2f}" in page.cells
    assert any(cell.startswith(f"{vocals['all_frames']['bass']['SDR']['mean']:.2f}") for cell in page.cells)
    assert f"{vocals['all_frames']['bass']['SIR']['median']:.2f}" in page.cells
    text = html.unescape(re.sub(r"<[^>]*>", " ", render_html(sample)))
    for fact in ("Sample data", "demo corpus", "0123abc", "2 cores, no GPU", "make demo", "A note at the"):
        assert fact in text


def test_credit_and_license_of_the_audio_stand_beside_it(sample):
    page = render_html(sample)
    listen, notes = page.index('id="listen"'), page.index('id="notes"')
    assert listen < page.index(sample.attribution) < notes < page.rindex(sample.attribution)
    assert f"- Attribution: {sample.attribution}\n" in render_markdown(sample)
    without = dataclasses.replace(sample, attribution="")
    assert "Attribution" not in render_html(without) + render_markdown(without)


def test_sounds_and_pictures_are_complete(sample):
    page = _parse(render_html(sample))
    sounds = [value for tag, name, value in page.attributes if (tag, name) == ("audio", "src")]
    pictures = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert len(sounds) == len(pictures) == 1 + 4 + 2 * 4
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("audio", "aria-label")]
    assert labels[0] == "Mixture" and "drums, Reference" in labels and "bass, Wave-U-Net M6" in labels
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert all(text.startswith("Spectrogram: ") for text in alternatives)
    audio, rate = soundfile.read(io.BytesIO(base64.b64decode(sounds[1].partition(",")[2])))
    assert rate == 8000 and audio.shape[1] == 2 and len(audio) >= 4000
    assert base64.b64decode(pictures[0].partition(",")[2]).startswith(b"\x89PNG")


def test_a_model_is_compared_with_doing_nothing_for_its_own_sources():
    """Vocals from mixture / 2 and from mixture / 4 are two different estimates."""
    rng = np.random.default_rng(0)
    pair, all_sources = ("vocals", "accompaniment"), ("vocals", "bass", "accompaniment")
    scores = [
        made_up_scores(mean_db, rng, sources) for mean_db, sources in ((-9.0, all_sources), (0.0, pair))
    ]
    models = [
        ModelEntry("three", scores=made_up_scores(5.0, rng, all_sources)),
        ModelEntry("two", scores=made_up_scores(5.0, rng, pair)),
    ]
    table = tables.sdr_table(
        ReportData("x", all_sources, tuple(models), baselines=tuple(scores)), "track_median"
    )
    names = [row[0].text for row in table.rows]
    assert names == ["Do nothing (mixture / 3)", "Do nothing (mixture / 2)", "three", "two"]
    for row, model, baseline in zip(table.rows[2:], models, scores, strict=True):
        for cell, source in zip(row[1:], all_sources, strict=False):
            if source not in model.scores["track_median"]:
                assert cell.text == ""
                continue
            reached, nothing = (item["track_median"][source]["SDR"] for item in (model.scores, baseline))
            assert (cell.text, cell.detail) == (f"{reached:.2f}", f"{reached - nothing:+.2f}")
    # A mean over two sources says nothing beside one over three.
    assert [row[-1].text == "" for row in table.rows] == [False, True, False, True]


def test_texts_are_escaped_everywhere():
    data = sample_report(num_models=1)
    texts = ("name", "preset", "paper", "receptive_field", "config", "seed", "notes")
    model = dataclasses.replace(data.models[0], **dict.fromkeys(texts, EVIL))
    curves = {EVIL: model.curves}
    estimates = {EVIL: model.estimates["vocals"]}
    scores = made_up_scores(1.0, np.random.default_rng(0), sources=(EVIL,))
    published = {EVIL: PublishedScore(1.0, "not_stated", EVIL)}
    model = dataclasses.replace(model, curves=curves, estimates=estimates, scores=scores)
    model = dataclasses.replace(model, paper_scores=published, official_scores=published)
    texts = ("title", "intro", "notice", "data_set", "commit", "machine", "date", "command", "seed")
    excerpt = Excerpt(EVIL, 8000, data.excerpt.mixture, estimates)
    data = ReportData(
        sources=(EVIL,),
        models=(model,),
        excerpt=excerpt,
        baselines=(scores,),
        footnotes=(EVIL,),
        **dict.fromkeys(texts, EVIL),
    )
    page = _parse(render_html(data))
    assert page.scripts == 1
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert any(cell == EVIL for cell in page.cells)
    text = render_markdown(data)
    assert escape(EVIL) in text and EVIL not in text and "<script" not in text


def test_markdown_has_the_same_cells(sample):
    text = render_markdown(sample)
    tables_found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables_found) == 7
    for block in tables_found:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1
    first = sample.models[0].scores["track_median"]["vocals"]["SDR"]
    assert f"{first:.2f}" in text and "10,268,000" in text
    assert f"(a) median of all frames; {MUSDB}" in text
    assert escape("a|b\n<c>") == "a\\|b &lt;c&gt;"


def test_published_columns_stay_apart_and_empty_where_nothing_is_known():
    data = sample_report(num_models=6)
    table = tables.published_table(data)
    rows = {row[0].text: row for row in table.rows}
    letters = {text: mark for mark, text in table.notes}
    paper, official, ours = rows["D3Net"][1:4]
    assert (paper.text, official.text) == ("3.00", "7.14")
    assert paper.mark == official.mark == letters[f"median of frames, then median of tracks; {MUSDB}"]
    assert ours.mark == letters[f"median of frames, then median of tracks; {data.data_set}"]
    assert [cell.text for cell in rows["MMDenseNet"][1:3]] == ["", ""]
    # This run follows the aggregation of the number beside it.
    scores = data.models[0].scores["all_frames"]["vocals"]["SDR"]["median"]
    assert rows["Wave-U-Net M1"][3].text == f"{scores:.2f}"
    assert rows["Wave-U-Net M1"][3].mark == letters[f"median of all frames; {data.data_set}"]
    unstated = dataclasses.replace(
        data.models[0], paper_scores={"vocals": PublishedScore(1.0, "not_stated", "x")}, scores=None
    )
    row = tables.published_table(dataclasses.replace(data, models=(unstated,))).rows[0]
    assert [cell.text for cell in row[1:4]] == ["1.00", "", ""]


def test_best_marks_and_gains():
    data = sample_report(num_models=3)
    table = tables.sdr_table(data, "track_median")
    values = np.array([[float(cell.text) for cell in row[1:]] for row in table.rows])
    best = np.array([[cell.best for cell in row[1:]] for row in table.rows])
    np.testing.assert_array_equal(best.argmax(axis=0), values.argmax(axis=0))
    np.testing.assert_array_equal(best.sum(axis=0), 1)
    gains = [[float(cell.detail) for cell in row[1:]] for row in table.rows[1:]]
    np.testing.assert_allclose(gains, values[1:] - values[0], atol=0.0151)
    np.testing.assert_allclose(values[:, -1], values[:, :-1].mean(axis=1), atol=0.0101)
    shares = np.array([[cell.share for cell in row[1:]] for row in table.rows[1:]])
    assert shares.max() == 1 and shares.min() >= 0


def test_report_of_nearly_nothing():
    bare = ReportData("Empty", ("vocals",), (ModelEntry("a"), ModelEntry("b", curves=[], scores=None)))
    page = render_html(bare)
    assert "<svg" not in page and "<audio" not in page
    # Architectures, three aggregations, published scores, runs; no table of metrics without scores.
    assert _parse(page).cells.count("a") == 6 and "<details>" not in page
    assert "| a |" in render_markdown(bare)
    assert tables.facts(bare) == ()


@pytest.mark.parametrize(
    "secs, text",
    [(None, ""), (0.25, "0.2 s"), (9.96, "10.0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (7500, "2 h 5 min")],
)
def test_format_secs(secs, text):
    assert tables.format_secs(secs) == text


def test_curves():
    points = [{"epoch": k, "loss": 1.0 / k, "val_loss": None if k == 3 else 1.1 / k} for k in range(1, 6)]
    svg = curves_svg('A "net"', {"": points})
    assert svg.count("<path class") - svg.count('class="grid"') == 2
    validation = re.search(r'class="validation line-0" d="([^"]*)"', svg)[1]
    assert validation.count("M") == 2 and validation.count("L") == 2  # the gap at epoch 3
    assert "A &quot;net&quot;. best validation loss 0.22 of 4 epochs" in svg
    assert curves_svg("x", {"": [{"epoch": 1, "loss": float("nan"), "val_loss": None}]}) == ""
    assert "h.01" in curves_svg("x", {"": [{"epoch": 1, "loss": 0.5}]})
    assert ">0.01<" in curves_svg("x", {"": [{"epoch": k, "loss": 10.0**-k} for k in range(4)]})
    many = {f"target {k}": points for k in range(10)}
    assert "line-7" in curves_svg("x", many) and "line-8" not in curves_svg("x", many)


def test_spectrogram_shows_a_tone_at_its_frequency():
    rate = 16000
    time = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 1000 * time)[:, None]
    decibels = media.spectrogram_db(tone, rate)
    rows = len(decibels)
    row = decibels[:, decibels.shape[1] // 2].argmax()
    assert abs((rows - 0.5 - row) / rows - media.height_of(1000, rate)) < 1.5 / rows
    assert media.frequency_at(media.height_of(440, rate), rate) == pytest.approx(440)
    assert media.spectrogram_db(np.zeros((1, 2)), 44100).max() < -100


def test_gain_is_common_and_only_turns_down():
    assert media.common_gain([np.array([0.5]), np.array([-0.9])]) == 1
    assert media.common_gain([np.array([0.5]), np.array([-1.96])]) == 0.5
    assert media.common_gain([]) == 1


def test_audio_falls_back_where_mp3_cannot_be_written(monkeypatch):
    audio = 0.1 * np.sin(np.arange(9600) / 9)[:, None]
    assert media.audio_uri(audio, 48000).startswith("data:audio/mpeg;base64,")
    uri = media.audio_uri(audio, 96000)
    assert uri.startswith("data:audio/ogg;base64,")
    assert soundfile.read(io.BytesIO(base64.b64decode(uri.partition(",")[2])))[1] == 96000
    monkeypatch.setattr(media, "_FORMATS", media._FORMATS[:1])
    with pytest.raises(RuntimeError, match="1 channels at 96000 Hz cannot be encoded.*MP3.*resample"):
        media.audio_uri(audio, 96000)


def test_errors(sample, tmp_path):
    with pytest.raises(ValueError, match="`path` must end in '.html'"):
        write_report(tmp_path / "report.txt", sample)
    with pytest.raises(ValueError, match="`data` must be a ReportData. Received: data=dict"):
        write_report(tmp_path / "report.html", {})
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="`aggregation` must be one of 'track_median'"):
        PublishedScore(1.0, "median", "MUSDB18")
    with pytest.raises(ValueError, match="`sources` must name at least one source"):
        ReportData("x", (), ())
    with pytest.raises(ValueError, match="`models` must have unique names. Received: a, a"):
        ReportData("x", SOURCES, (ModelEntry("a"), ModelEntry("a")))
    with pytest.raises(ValueError, match="Unknown source in estimates of a: voice. Known sources: vocals"):
        ReportData("x", SOURCES, (ModelEntry("a", estimates={"voice": np.zeros((1, 1))}),))
    with pytest.raises(ValueError, match="Unknown source in scores of a: flute. Known sources: vocals"):
        scores = made_up_scores(0.0, np.random.default_rng(0), sources=("vocals", "flute"))
        ReportData("x", SOURCES, (ModelEntry("a", scores=scores),))
    with pytest.raises(
        ValueError, match=r"mixture's shape.*references\['drums'\] of shape \(3, 1\), mixture"
    ):
        excerpt = Excerpt("t", 8000, np.zeros((4, 1)), {"drums": np.zeros((3, 1))})
        ReportData("x", SOURCES, (), excerpt=excerpt)
