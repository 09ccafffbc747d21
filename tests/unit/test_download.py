"""Downloads from a small server of our own: whole, continued, checked, and polite about a host that is gone."""

import http.server
import threading
from hashlib import md5

import pytest

from redn_lib.data.download import fetch
from redn_lib.data.records import Link

DATA = bytes(range(256)) * 4000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves DATA as the server's `mode` says; keeps what was asked for."""

    def do_GET(self):
        mode, asked = self.server.mode, self.headers.get("Range")
        self.server.asked.append(asked)
        if mode == "gone":
            return self.send_error(404)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and mode != "from the beginning" else 0
        if start >= len(DATA):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if mode != "no length":
            self.send_header("Content-Length", str(len(DATA) - start))
        self.end_headers()
        self.wfile.write(DATA[start : start + 300_000] if mode == "breaks off" else DATA[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as it:
        it.mode, it.asked = "good", []
        it.url = f"http://127.0.0.1:{it.server_port}/sets/a%20set.zip"
        thread = threading.Thread(target=it.serve_forever, daemon=True)
        thread.start()
        yield it
        it.shutdown()


def test_a_file_is_downloaded_once(server, tmp_path):
    link = Link(server.url, md5(DATA).hexdigest())
    path = fetch(link, tmp_path / "new")
    assert path == tmp_path / "new/a set.zip" and path.read_bytes() == DATA
    assert fetch(link, tmp_path / "new") == path and server.asked == [None]


def test_a_broken_off_download_goes_on(server, tmp_path):
    server.mode = "breaks off"
    for _ in range(2):
        with pytest.raises(ConnectionError, match="run the same command again to go on"):
            fetch(Link(server.url), tmp_path)
    assert (tmp_path / "a set.zip.part").stat().st_size == 600_000 and not (tmp_path / "a set.zip").exists()
    server.mode = "good"
    assert fetch(Link(server.url, md5(DATA).hexdigest()), tmp_path).read_bytes() == DATA
    assert server.asked == [None, "bytes=300000-", "bytes=600000-"]


@pytest.mark.parametrize("mode", ["from the beginning", "no length"])
def test_servers_that_cannot_continue_or_count(server, tmp_path, mode):
    (tmp_path / "a set.zip.part").write_bytes(DATA[:1000])
    server.mode = mode
    assert fetch(Link(server.url), tmp_path).read_bytes() == DATA


def test_a_part_as_long_as_the_file_starts_anew(server, tmp_path):
    (tmp_path / "a set.zip.part").write_bytes(b"x" * len(DATA))
    assert fetch(Link(server.url), tmp_path).read_bytes() == DATA


def test_another_file_than_expected_is_deleted_and_told(server, tmp_path):
    with pytest.raises(ValueError, match="md5 .* not 0123.*get a set.zip by hand"):
        fetch(Link(server.url, "0123"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_gone_is_told_with_the_way_by_hand(server, tmp_path):
    server.mode = "gone"
    with pytest.raises(ConnectionError, match="Not Found.*get a set.zip by hand"):
        fetch(Link(server.url), tmp_path)
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match="refused.*get a set.zip by hand"):
        fetch(Link(server.url), tmp_path)
    with pytest.raises(ConnectionError, match="get b.zip by hand"):
        fetch(Link("http://no-such-host.invalid/b.zip"), tmp_path)
