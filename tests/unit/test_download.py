"""Downloads from a small server of our own: whole, checked, and clear about a host that is gone."""

import http.server
import threading
from hashlib import md5

import pytest

from redn_lib.data.download import fetch
from redn_lib.data.records import Link

DATA = bytes(range(256)) * 400
HASH = f"md5:{md5(DATA).hexdigest()}"


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


@pytest.mark.parametrize("known", [HASH, None])
def test_a_file_is_downloaded_once(server, tmp_path, known):
    for _ in range(2):
        path = fetch(Link(server.url, known), tmp_path / "new")
        assert path == tmp_path / "new/a set.zip" and path.read_bytes() == DATA
    assert server.asked == 1


def test_a_damaged_file_that_is_there_is_downloaded_again(server, tmp_path):
    (tmp_path / "a set.zip").write_bytes(DATA[:-1])
    assert fetch(Link(server.url, HASH), tmp_path).read_bytes() == DATA


def test_another_file_than_expected_is_told_and_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match="a%20set.zip: .*hash.*get a set.zip by hand"):
        fetch(Link(server.url, "md5:0123"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_gone_is_told_with_the_way_by_hand(server, tmp_path):
    server.gone = True
    with pytest.raises(ConnectionError, match="Not Found.*get a set.zip by hand"):
        fetch(Link(server.url), tmp_path)
    with pytest.raises(ConnectionError, match="get b.zip by hand"):
        fetch(Link("http://no-such-host.invalid/b.zip"), tmp_path)
