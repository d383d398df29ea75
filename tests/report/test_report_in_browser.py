"""The report in headless Chromium: it loads, plays, switches and fits."""

import re
import shutil
import subprocess

import pytest

from keras_d3.report import write_report
from tests.helpers.sample_report import sample_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the PATH"),
]
# Runs after the page's own script: what a user would see and do, written into one attribute.
PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const visible = (item) => item.offsetParent;
  const seen = (selector) => [...document.querySelectorAll(selector)].filter(visible).length;
  const root = document.documentElement;
  const facts = { before: seen(".panel"), clips: seen(".clip[data-label]"), buttons: seen(".play") };
  document.getElementById("by-all_frames_mean").click();
  facts.mean = seen(".panel.all_frames_mean") === 1 && seen(".panel") === 1;
  document.getElementById("source-2").click();
  facts.after = [...document.querySelectorAll(".clip[data-label]")]
    .filter(visible).map((item) => item.dataset.column).join("");
  facts.overflow = root.scrollWidth - root.clientWidth;
  facts.headings = document.querySelectorAll("h2").length;
  root.dataset.facts = Object.entries(facts).map(([key, value]) => `${key}=${value}`).join(" ");
}, 300));
</script></body>"""


def _open(path, width, tmp_path):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / f'profile-{width}'}"]
    command += [f"--window-size={width},900", "--virtual-time-budget=20000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    facts = re.search(r'data-facts="([^"]*)"', done.stdout)
    assert facts, done.stderr[-2000:]
    return done.stdout, dict(item.split("=") for item in facts[1].split()), done.stderr


@pytest.mark.parametrize("width, clips, after", [(1280, 13, "0012301230123"), (500, 4, "0222")])
def test_page_loads_plays_switches_and_fits(width, clips, after, tmp_path):
    path = write_report(tmp_path / "report.html", sample_report(num_models=2))
    page = path.read_text(encoding="utf-8")
    path.write_text(page.replace("</body>", PROBE), encoding="utf-8")
    dom, facts, log = _open(path, width, tmp_path)
    assert "CONSOLE" not in log
    durations = [float(value) for value in re.findall(r'data-duration="([0-9.]+)"', dom)]
    assert len(durations) == 1 + 4 + 2 * 4
    assert all(0.45 < duration < 0.75 for duration in durations)
    assert 'class="clip broken' not in dom
    assert facts == {
        "before": "1",
        "clips": str(clips),
        "buttons": str(clips),
        "mean": "true",
        "after": after,
        "overflow": "0",
        "headings": "6",
    }
    assert re.search(r"<td[^>]*>10,268,000</td>", dom)


def test_probe_sees_a_script_error(tmp_path):
    path = write_report(tmp_path / "report.html", sample_report(num_models=1))
    page = path.read_text(encoding="utf-8")
    path.write_text(page.replace("</body>", "<script>undefinedName();</script>" + PROBE), encoding="utf-8")
    assert "CONSOLE" in _open(path, 1280, tmp_path)[2]
