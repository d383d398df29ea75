"""The report on segmentation networks as HTML and Markdown."""

import base64
import io

import numpy as np

from keras_d3.images import overlay
from keras_d3.report import image_tables
from keras_d3.report.curves import curves_svg
from keras_d3.report.html_parts import escape, fact_list, html_table, page_with_sections, prose
from keras_d3.report.table import escape_markdown, table_as_markdown
from keras_d3.utils import optional_package

# Pictures are made smaller than this: a page of many networks and images must open quickly.
LARGEST_WIDTH = 512
OPACITY = 0.6


def render_segmentation_html(data):
    """Returns the text of the HTML page; it fetches nothing."""
    seeds = image_tables.seeds_of_networks(data)
    sections = [
        ("networks", "Networks", html_table(image_tables.network_table(data))),
        ("scores", "Scores", html_table(image_tables.iou_table(data)) + (html_table(seeds) if seeds else "")),
        ("classes", "Classes", html_table(image_tables.class_table(data))),
        ("curves", "Training", _curves(data)),
        ("images", "Images", _gallery(data)),
        ("notes", "Notes", _notes(data)),
    ]
    intro = f'<p class="intro">{prose(data.intro)}</p>' if data.intro else ""
    wanted = ("Data set", "Date", "Commit")
    header = intro + fact_list([pair for pair in data.facts if pair[0] in wanted], "facts")
    return page_with_sections(data.title, header, [section for section in sections if section[2]])


def render_segmentation_markdown(data):
    """Returns the tables as Markdown."""
    seeds = image_tables.seeds_of_networks(data)
    tables = [image_tables.network_table(data), image_tables.iou_table(data), *([seeds] if seeds else [])]
    tables += [image_tables.class_table(data), image_tables.runs_table(data)]
    parts = [f"# {escape_markdown(data.title)}"]
    parts += [escape_markdown(data.intro)] if data.intro else []
    parts += [table_as_markdown(table) for table in tables]
    lines = [f"- {label}: {escape_markdown(text)}" for label, text in data.facts]
    lines += [f"- {escape_markdown(note)}" for note in data.footnotes]
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def _curves(data):
    figures = ""
    for model in data.models:
        svg = curves_svg(model.name, {"": model.curves})
        if svg:
            figures += f'<figure class="curve"><figcaption>{escape(model.name)}</figcaption>{svg}</figure>'
    if not figures:
        return ""
    return (
        '<p class="hint"><span class="sample validation"></span> validation loss '
        '<span class="sample train"></span> training loss.</p>'
        f'<div class="curves">{figures}</div>'
    )


def _gallery(data):
    if not data.images:
        return ""
    swatches = "".join(
        f'<span class="swatch"><i style="background:rgb({red},{green},{blue})"></i>{escape(name)}</span>'
        for name, (red, green, blue) in zip(data.label_set.names, data.label_set.palette, strict=False)
    )
    rows = ""
    for image in data.images:
        pictures = [("image", image.pixels), ("labels", _painted(image, image.labels, data))]
        pictures += [
            (model.name, _painted(image, model.predictions[image.name], data))
            for model in data.models
            if image.name in model.predictions
        ]
        figures = "".join(
            f'<figure><img alt="{escape(label)} of {escape(image.name)}" src="{_as_uri(pixels)}">'
            f"<figcaption>{escape(label)}</figcaption></figure>"
            for label, pixels in pictures
        )
        rows += f'<h3>{escape(image.name)}</h3><div class="gallery">{figures}</div>'
    return f'<p class="swatches">{swatches}</p>{rows}'


def _painted(image, labels, data):
    return overlay(image.pixels, labels, data.label_set.palette, OPACITY)


def _as_uri(pixels):
    Image = optional_package("PIL.Image", "images", "Pictures in reports")

    picture = Image.fromarray(np.ascontiguousarray(pixels, "uint8"))
    if picture.width > LARGEST_WIDTH:
        height = max(1, round(picture.height * LARGEST_WIDTH / picture.width))
        picture = picture.resize((LARGEST_WIDTH, height), Image.Resampling.BOX)
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _notes(data):
    extra = "".join(f"<li>{prose(note)}</li>" for note in data.footnotes)
    table = html_table(image_tables.runs_table(data))
    return fact_list(data.facts, "notes") + table + (f"<ul>{extra}</ul>" if extra else "")
