"""Files from a server on this machine that cuts, changes, lies, redirects and refuses."""

import dataclasses
import hashlib
import json
import os
import threading

import numpy as np
import pytest

pytest.importorskip("requests", reason="requests is in the extra `convert`")

from keras_d3.pretrained import FileRecord, fetch_file  # noqa: E402
from tests.helpers.file_server import file_server  # noqa: E402

CONTENT = np.random.default_rng(0).integers(0, 256, 100_000, dtype="uint8").tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = np.random.default_rng(1).integers(0, 256, 100_000, dtype="uint8").tobytes()
# The whole of what a finished download leaves.
LEFT = ["file.bin", "file.bin.json", "file.bin.lock"]


@pytest.fixture
def server():
    with file_server(content=CONTENT) as (address, behavior):
        yield address, behavior


def fetch(server, folder, **arguments):
    return fetch_file(f"{server[0]}/file.bin", folder / "file.bin", pause_secs=0.0, **arguments)


def ranges(server):
    return [given for _, given in server[1].requests]


def interrupt(server, folder, after=32_768):
    """Leaves a part of that many bytes."""
    server[1].cuts, server[1].statuses = [after], []

    def refuse():
        # What follows the cut connection does not come to an answer.
        server[1].statuses = [503] * 4

    server[1].on_piece = refuse
    with pytest.raises(ConnectionError, match="the same command goes on from them"):
        fetch(server, folder)
    server[1].on_piece = None
    server[1].statuses = []
    server[1].requests.clear()
    assert (folder / "file.bin.part").stat().st_size == after
    assert not (folder / "file.bin").exists()


def test_what_a_process_left_that_was_killed_at_the_end_is_removed(server, tmp_path):
    """After the file had its name, before the note of its part was gone."""
    fetch(server, tmp_path)
    (tmp_path / "file.bin.part.json").write_text("{}")
    fetch(server, tmp_path)
    assert len(ranges(server)) == 1 and sorted(path.name for path in tmp_path.iterdir()) == LEFT


def test_a_file_arrives_and_is_recorded(server, tmp_path):
    seen = []
    record = fetch(server, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert record == FileRecord(f"{server[0]}/file.bin", 100_000, SHA256, '"one"')
    assert json.loads((tmp_path / "file.bin.json").read_text()) == dataclasses.asdict(record)
    assert seen[-1] == (100_000, 100_000) and sorted(os.listdir(tmp_path)) == LEFT
    # Asked for again, it is compared with the record and not fetched.
    assert fetch(server, tmp_path) == record and len(server[1].requests) == 1
    assert fetch(server, tmp_path, again=True) == record and len(server[1].requests) == 2


def test_a_file_that_was_changed_here_is_fetched_again(server, tmp_path, caplog):
    fetch(server, tmp_path)
    (tmp_path / "file.bin").write_bytes(CONTENT[:-1] + b"x")
    fetch(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT and "is not as it was recorded" in caplog.text


def test_cut_connections_are_resumed(server, tmp_path):
    server[1].cuts = [32_768, 16_384, 0]
    fetch(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT and sorted(os.listdir(tmp_path)) == LEFT
    assert ranges(server) == [None, "bytes=32768-", "bytes=49152-", "bytes=49152-"]


def test_the_next_call_goes_on(server, tmp_path):
    interrupt(server, tmp_path)
    first = []
    fetch(server, tmp_path, on_progress=lambda done, total: first.append((done, total)))
    assert ranges(server) == ["bytes=32768-"] and first[0][0] > 32_768 and first[-1] == (100_000, 100_000)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_whole_part_needs_no_more_bytes(server, tmp_path):
    interrupt(server, tmp_path)
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    fetch(server, tmp_path)
    assert ranges(server) == ["bytes=100000-"] and (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    interrupt(server, tmp_path)
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"more")
    fetch(server, tmp_path)
    assert ranges(server) == ["bytes=100004-", None] and (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("knows_if_range, asked", [(True, ["bytes=32768-"]), (False, ["bytes=32768-", None])])
def test_a_changed_file_is_not_glued_to_an_old_part(server, tmp_path, knows_if_range, asked):
    interrupt(server, tmp_path)
    server[1].content, server[1].tag, server[1].knows_if_range = OTHER, '"two"', knows_if_range
    fetch(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == OTHER and ranges(server) == asked


def test_a_date_is_a_version_and_a_weak_tag_is_none(server, tmp_path):
    server[1].tag, server[1].date = 'W/"one"', "Sun, 29 Nov 2026 12:00:00 GMT"
    # The server compares the date with its tag, so it is asked without.
    interrupt(server, tmp_path)
    server[1].tag = ""
    fetch(server, tmp_path)
    assert ranges(server) == ["bytes=32768-"] and (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("has_ranges, tag", [(False, '"one"'), (True, "")])
def test_servers_without_ranges_or_versions_start_anew(server, tmp_path, has_ranges, tag):
    server[1].has_ranges, server[1].tag = has_ranges, tag
    server[1].cuts = [32_768]
    fetch(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert ranges(server) == [None, None if not tag else "bytes=32768-"]


def test_a_length_that_is_not_told(server, tmp_path):
    server[1].tells_length = False
    seen = []
    fetch(server, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (100_000, None) and (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_redirect_is_followed(server, tmp_path):
    server[1].redirects = {"/old": "/file.bin"}
    record = fetch_file(f"{server[0]}/old", tmp_path / "file.bin", pause_secs=0.0)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT and record.address.endswith("/old")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size_bytes": 99_999}, "must have 99,999 bytes. Received: 100,000"),
        ({"sha256": "0" * 64}, f"must have sha256={'0' * 64}. Received: sha256={SHA256}"),
    ],
)
def test_another_size_or_checksum_is_refused(server, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        fetch(server, tmp_path, **arguments)
    assert os.listdir(tmp_path) == ["file.bin.lock"]


def test_a_wrong_size_shows_even_if_the_server_tells_none(server, tmp_path):
    server[1].tells_length = False
    with pytest.raises(ValueError, match="must have size_bytes=99999. Received: size_bytes=100000"):
        fetch(server, tmp_path, size_bytes=99_999)


def test_a_web_page_is_no_archive(server, tmp_path):
    server[1].content = b"<!doctype html><p>Please sign in"
    with pytest.raises(ValueError, match=r"must give a .zip file. Received: a web page. It was not kept"):
        fetch_file(f"{server[0]}/file.zip", tmp_path / "file.zip")
    assert os.listdir(tmp_path) == ["file.zip.lock"]


def test_a_file_that_is_not_there(server, tmp_path):
    server[1].statuses = [404]
    with pytest.raises(FileNotFoundError, match=r"has no such file \(HTTP 404\)"):
        fetch(server, tmp_path)
    assert len(server[1].requests) == 1


def test_refusals(server, tmp_path):
    server[1].statuses = [403]
    with pytest.raises(ConnectionError, match="refuses: HTTP 403 Forbidden"):
        fetch(server, tmp_path)
    server[1].statuses = [503, 500]
    fetch(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_no_server(tmp_path):
    with file_server() as (address, _):
        pass
    with pytest.raises(ConnectionError, match="could not be fetched: .* 0 bytes are there"):
        fetch_file(f"{address}/file.bin", tmp_path / "file.bin", pause_secs=0.0)


def test_a_file_that_the_server_changed_is_named(server, tmp_path, caplog):
    fetch(server, tmp_path)
    server[1].content, server[1].tag = OTHER, '"two"'
    fetch(server, tmp_path, again=True)
    assert "is another file than before" in caplog.text and (tmp_path / "file.bin").read_bytes() == OTHER


def test_no_room(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 99_999}))
    with pytest.raises(OSError, match="has room for 99,999 bytes. 100,000 are needed"):
        fetch(server, tmp_path)


def test_two_at_once_fetch_once(server, tmp_path):
    second = threading.Thread(target=lambda: fetch(server, tmp_path))
    started = []

    def start():
        if not started:
            started.append(second.start())

    server[1].on_piece = start
    fetch(server, tmp_path)
    second.join()
    assert len(server[1].requests) == 1 and (tmp_path / "file.bin").read_bytes() == CONTENT
