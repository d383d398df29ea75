"""MkDocs hook: pages of the site that are kept elsewhere in the repository, and one API page per package."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
# Page of the site -> file of the repository.
SOURCES = {
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "changelog.md": ROOT / "CHANGELOG.md",
    "golden-vectors.md": ROOT / "tests/golden/README.md",
    **{f"recipes/{path.parent.name}.md": path for path in ROOT.glob("recipes/*/README.md")},
}
_LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files, config):
    """Adds the pages of `SOURCES` and the API pages."""
    pages = {page: path.read_text(encoding="utf-8") for page, path in SOURCES.items()}
    modules = [f"keras_d3.{path.parent.name}" for path in sorted(ROOT.glob("keras_d3/*/__init__.py"))]
    for module in ("keras_d3", *modules):
        pages[f"api/{module.rpartition('.')[2]}.md"] = f"# {module}\n\n::: {module}\n"
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turns links between files of the repository into links between pages of the site."""
    source = SOURCES.get(page.file.src_uri, ROOT / "docs" / page.file.src_uri)
    pages = {path: name for name, path in SOURCES.items()}

    def link(match):
        file = (source.parent / match[1]).resolve()
        if "://" in match[1] or (file.is_relative_to(ROOT / "docs") and source.is_relative_to(ROOT / "docs")):
            return match[0]
        if file in pages:
            name = pages[file]
        elif file.is_relative_to(ROOT / "docs"):
            name = file.relative_to(ROOT / "docs").as_posix()
        else:
            return match[0]  # no page: MkDocs warns of it
        return f"]({'../' * page.file.src_uri.count('/')}{name}{match[2] or ''})"

    return _LINK.sub(link, markdown)
