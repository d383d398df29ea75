"""The two files of a report: HTML and Markdown."""

from pathlib import Path

from keras_d3.report.data import ReportData
from keras_d3.report.html_page import render_html
from keras_d3.report.image_page import render_segmentation_html, render_segmentation_markdown
from keras_d3.report.markdown_page import render_markdown
from keras_d3.utils import atomic_path


def write_report(path, data):
    """Writes the side-by-side report: one HTML file that opens from disk, and its tables as Markdown.

    The HTML needs no network and no other file: style, script, pictures and sound (MP3 where
    libsndfile writes it) are inside, and all texts are escaped.

    Args:
        path: str or Path of the HTML file, for example "runs/report.html"; the Markdown file gets the
            same name with the suffix `.md`.
        data: `ReportData`.

    Returns:
        `pathlib.Path` of the HTML file.

    Raises:
        ValueError: `path` does not end in `.html`, or `data` is no ReportData.
        RuntimeError: the audio cannot be encoded (see `audio_uri`).

    Example:
        >>> data = ReportData(title="Two networks", sources=("vocals", "drums"), models=())
        >>> write_report("runs/report.html", data)  # doctest: +SKIP
    """
    path = _html_path(path)
    if not isinstance(data, ReportData):
        raise ValueError(f"`data` must be a ReportData. Received: data={type(data).__name__}.")
    return _write(path, render_html(data), render_markdown(data))


def write_segmentation_report(path, data):
    """Writes the report on segmentation networks, one HTML file and its tables as Markdown.

    Args:
        path: str or Path of the HTML file; see `write_report`.
        data: `SegmentationReportData`.

    Returns:
        `pathlib.Path` of the HTML file.

    Raises:
        ValueError: `path` does not end in `.html`.
    """
    return _write(_html_path(path), render_segmentation_html(data), render_segmentation_markdown(data))


def _html_path(path):
    path = Path(path)
    if path.suffix != ".html":
        raise ValueError(f"`path` must end in '.html'. Received: path='{path}'.")
    return path


def _write(path, page, markdown):
    for target, text in ((path, page), (path.with_suffix(".md"), markdown)):
        with atomic_path(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path
