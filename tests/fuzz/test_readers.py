"""Damaged files of every kind: no traceback, no hang, no memory filled, and nothing wrong that is not told.

REDN_FUZZ=20000 python -m pytest tests/fuzz        # so many inputs; a few hundred otherwise
"""

import os
import resource
import shutil
import signal
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from readers import PRESETS_OF_TESTS, READERS

from redn_lib.data.convert import DamagedArchive

INPUTS = int(os.environ.get("REDN_FUZZ", 300))
SECONDS, MEMORY = 10, 1_000_000_000  # at most, of one input: of the processor, bytes more than before
REFUSALS = (ValueError, FileNotFoundError, OSError, DamagedArchive)
CASES = sorted((Path(__file__).parent / "cases").glob("*.*"))
TOKENS = [b"", b"nan", b"-1", b"1e999", b"9" * 20, b"null", b"../../x", b"\xff\xfe", b"\0", b"{", b"\n", b"\xff" * 8]

place = st.floats(0, 1, exclude_max=True)
changes = st.one_of(
    st.tuples(st.just("flip"), place, st.integers(0, 7)),
    st.tuples(st.just("write"), place, st.binary(min_size=1, max_size=8) | st.sampled_from(TOKENS)),
    st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=40) | st.sampled_from(TOKENS)),
    st.tuples(st.just("cut out"), place, st.integers(1, 200)),
    st.tuples(st.just("repeat"), place, st.integers(1, 400)),
    st.tuples(st.just("zeros"), place, st.integers(1, 200)),
    st.tuples(st.just("end"), place, st.none()),
)
damages = st.lists(changes, min_size=1, max_size=4)


def damaged(content: bytes, damage: list) -> bytes:
    """The content after some changes, each at a share of its length."""
    for kind, share, what in damage:
        at = int(share * len(content))
        before, behind = content[:at], content[at:]
        if kind == "flip":
            content = before + bytes([behind[0] ^ 1 << what]) + behind[1:] if behind else content
        elif kind == "write":
            content = before + what + behind[len(what) :]
        elif kind == "insert":
            content = before + what + behind
        elif kind == "cut out":
            content = before + behind[what:]
        elif kind == "repeat":
            content = before + behind[:what] + behind
        elif kind == "zeros":
            content = before + bytes(min(what, len(behind))) + behind[what:]
        else:
            content = before
    return content


class Hang(BaseException):
    """An input took too long."""


def stop(*_):
    raise Hang


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch):
    monkeypatch.setattr("redn_lib.pretrained.PRESETS", PRESETS_OF_TESTS)


@pytest.fixture
def good(tmp_path):
    """Makes the good file of a reader: its path, its content, what is read from it."""

    def make(name):
        home = tmp_path / "home"
        home.mkdir()
        path = READERS[name].make(home)
        copy = shutil.copytree(home, tmp_path / "copy")
        whole = READERS[name].read(copy / path.relative_to(home))
        shutil.rmtree(copy)
        return path, path.read_bytes(), whole

    return make


def check(reader, path, whole):
    """Read a damaged file; fails for anything but a refusal by name, or for what should have been one."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = reader.read(path)
    except (ValueError, OSError) as error:
        assert type(error) in REFUSALS, f"a {type(error).__name__}: {error}"
        home = [part for part in path.parts[-3:]]
        assert any(part in str(error) for part in home), f"the file is not named: {error}"
    else:
        assert not reader.is_sealed or found == whole, "read, but it is not what was written"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        shutil.rmtree(path.with_name("out"), ignore_errors=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < MEMORY


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name, good):
    path, content, whole = good(name)
    share = READERS[name].share / sum(reader.share for reader in READERS.values())

    @settings(
        max_examples=max(5, round(INPUTS * share)),
        derandomize="REDN_FUZZ" not in os.environ,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(damages)
    def run(damage):
        path.write_bytes(damaged(content, damage))
        check(READERS[name], path, whole)

    run()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_found_cases(case, good):
    """Files on which a reader once failed: READER_whatever.ending, a blank in the reader's name written as `-`."""
    name = case.name.partition("_")[0].replace("-", " ")
    path, _, whole = good(name)
    path.write_bytes(case.read_bytes())
    check(READERS[name], path, whole)
