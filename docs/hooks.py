"""MkDocs hook: pages of the site that are kept elsewhere in the repository, and one API page per package."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "golden-vectors.md": "tests/golden/README.md",
}


def on_files(files, config):
    """Adds the recipes' READMEs, the files of `PAGES` and the API pages."""
    sources = {page: ROOT / name for page, name in PAGES.items()}
    sources |= {f"recipes/{path.parent.name}.md": path for path in ROOT.glob("recipes/*/README.md")}
    pages = {page: _with_links_of_the_site(page, path, sources) for page, path in sources.items()}
    pages |= {
        f"api/{path.parent.name}.md": _api_page(f"keras_d3.{path.parent.name}")
        for path in ROOT.glob("keras_d3/*/__init__.py")
    }
    pages["api/keras_d3.md"] = _api_page("keras_d3")
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def _api_page(module):
    return f"# {module}\n\n::: {module}\n"


def _with_links_of_the_site(page, path, sources):
    """Returns the text of `path` with links to files of the repository turned into links between pages."""
    pages = {source: name for name, source in sources.items()}

    def link(match):
        target, _, anchor = match[1].partition("#")
        if not target or "://" in target:
            return match[0]
        file = (path.parent / target).resolve()
        if file.is_dir():
            file = file / "README.md"
        if file in pages:
            name = pages[file]
        elif file.is_relative_to(ROOT / "docs"):
            name = file.relative_to(ROOT / "docs").as_posix()
        else:
            raise ValueError(f"{path} links to {target}, which is no page of the site.")
        up = "../" * page.count("/")
        return f"]({up}{name}{'#' + anchor if anchor else ''})"

    return re.sub(r"\]\(([^)\s]+)\)", link, path.read_text(encoding="utf-8"))
