"""Downloads from a small server of our own: whole, and clear about a host that is gone."""

import http.server
import importlib.util
import threading
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "get.py"
SPEC = importlib.util.spec_from_file_location("get", SCRIPT)
get = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(get)

DATA = bytes(range(256)) * 400


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves DATA, or an error where the server is `gone`; counts what was asked for."""

    def do_GET(self):
        self.server.asked += 1
        if self.server.gone:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as it:
        it.gone, it.asked = False, 0
        it.url = f"http://127.0.0.1:{it.server_port}/sets/a%20set.zip"
        threading.Thread(target=it.serve_forever, daemon=True).start()
        yield it
        it.shutdown()


def test_a_file_is_downloaded_once(server, tmp_path):
    for _ in range(2):
        path = get.fetch(server.url, tmp_path / "new")
        assert path == tmp_path / "new/a set.zip" and path.read_bytes() == DATA
    assert server.asked == 1


def test_a_host_that_is_gone_is_told_with_the_way_by_hand(server, tmp_path):
    server.gone = True
    with pytest.raises(ConnectionError, match="Not Found.*get a set.zip by hand"):
        get.fetch(server.url, tmp_path)
    with pytest.raises(ConnectionError, match="get b.zip by hand"):
        get.fetch("http://no-such-host.invalid/b.zip", tmp_path)


def test_a_part_that_nobody_asked_for_is_no_file(server, tmp_path, monkeypatch):
    def part(self):
        self.send_response(206)
        self.send_header("Content-Range", "bytes 1000-1099/102400")
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(DATA[1000:1100])

    monkeypatch.setattr(Handler, "do_GET", part)
    with pytest.raises(ConnectionError, match="a part only.*get a set.zip by hand"):
        get.fetch(server.url, tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
