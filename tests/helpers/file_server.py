"""A web server on this machine that gives a file as well, or as badly, as servers do."""

import contextlib
import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass
class Behavior:
    """What the server does next; tests change it between requests.

    content: the file.
    tag: its ETag; "" for none.
    date: its Last-Modified; "" for none.
    has_ranges: whether parts may be asked for.
    knows_if_range: whether a part of another version is refused, as it should be.
    cuts: bytes after which the answers end, one answer each; None or no more entries, at their end.
    statuses: status codes, one per answer, in place of the file.
    """

    content: bytes = b""
    tag: str = '"one"'
    date: str = ""
    has_ranges: bool = True
    knows_if_range: bool = True
    tells_length: bool = True
    cuts: list = dataclasses.field(default_factory=list)
    statuses: list = dataclasses.field(default_factory=list)
    redirects: dict = dataclasses.field(default_factory=dict)
    # Called before each piece of an answer's body.
    on_piece: object = None
    # Of each request: path, Range.
    requests: list = dataclasses.field(default_factory=list)


PIECE_BYTES = 1 << 12


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        behavior = self.server.behavior
        behavior.requests.append((self.path, self.headers.get("Range")))
        self.close_connection = True
        if self.path in behavior.redirects:
            return self._head(302, {"Location": behavior.redirects[self.path], "Content-Length": "0"})
        if behavior.statuses:
            return self._head(behavior.statuses.pop(0), {"Content-Length": "0"})
        self._give(behavior, self._begin(behavior))

    def _begin(self, behavior):
        """The first byte to send; None for an answer without a range."""
        given = self.headers.get("Range")
        if given is None or not behavior.has_ranges:
            return None
        version = behavior.tag or behavior.date
        if behavior.knows_if_range and self.headers.get("If-Range") != version:
            return None
        return int(given.removeprefix("bytes=").removesuffix("-"))

    def _give(self, behavior, begin):
        content = behavior.content
        if begin is not None and begin >= len(content):
            return self._head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
        body = content[begin or 0 :]
        headers = {"ETag": behavior.tag, "Last-Modified": behavior.date}
        headers = {name: value for name, value in headers.items() if value}
        if behavior.tells_length:
            headers["Content-Length"] = str(len(body))
        if begin is not None:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._head(200 if begin is None else 206, headers)
        cut = behavior.cuts.pop(0) if behavior.cuts else None
        body = body if cut is None else body[:cut]
        with contextlib.suppress(ConnectionError):  # a client that was killed
            for start in range(0, len(body), PIECE_BYTES):
                if behavior.on_piece is not None:
                    behavior.on_piece()
                self.wfile.write(body[start : start + PIECE_BYTES])

    def _head(self, status, headers):
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


@contextlib.contextmanager
def file_server(**behavior):
    """Yields `(address of the server, Behavior)`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.behavior = Behavior(**behavior)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.behavior
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
