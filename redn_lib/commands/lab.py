"""Copy the notebooks into a folder of yours and open JupyterLab on the first one.

You are asked before a notebook that you have changed is replaced; then yours is kept beside it, as NAME.yours.ipynb.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from redn_lib.files import suite_folder, whole_file
from redn_lib.teach.translation import translate

FIRST = "00_start_here.ipynb"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `redn lab`."""
    add = parser.add_argument
    add("folder", nargs="?", type=Path, default=Path("redn_notebooks"), help="made where it is not (%(default)s)")
    add("--replace", action="store_true", help="replace notebooks that you have changed without asking")
    add("--language", metavar="CODE", help="text of the notebooks where it is translated: zh")
    add("--copy-only", action="store_true", help="copy and do not open JupyterLab")
    add("--no-browser", action="store_true", help="print the address instead of opening a browser")
    add("--port", type=int, metavar="N", help="of the server (default: a free one from 8888 on)")


def run(args: argparse.Namespace) -> int:
    """Copy, then serve until Ctrl-C; the exit code of JupyterLab."""
    replaces = (lambda path: True) if args.replace else asked
    copied, kept = copy_notebooks(args.folder, replaces, args.language)
    print(f"{args.folder}: {copied} files copied" + (f", {kept} of yours left as they are" if kept else ""), flush=True)
    if args.copy_only:
        return 0
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={args.folder.resolve()}"]
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    command += ["--no-browser"] * args.no_browser + [f"--port={args.port}"] * (args.port is not None)
    command += ["--allow-root"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
    with tempfile.TemporaryDirectory(prefix="redn-jupyter-") as temporary:
        return subprocess.run(command, check=False, env=os.environ | settings(temporary)).returncode


def settings(temporary: str) -> dict[str, str]:
    """What tells JupyterLab to keep its own files in a temporary folder, where it cannot write into the home folder."""
    try:
        Path(jupyter_runtime_dir()).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=jupyter_runtime_dir()).close()
        return {}
    except OSError:
        return {f"JUPYTER_{kind}_DIR": f"{temporary}/{kind}" for kind in ("RUNTIME", "CONFIG", "DATA")}


def copy_notebooks(folder: Path, replaces: Callable[[Path], bool], language: str | None = None) -> tuple[int, int]:
    """Copy all files of the notebooks into a folder; how many were copied, and how many others were left as they were.

    replaces: asked for each file that is there and is another; what is replaced is kept beside it.
    language: of their text, where it is translated.
    Raises ValueError for a language that there is not, OSError as `whole_file`.
    """
    source, copied, kept = suite_folder("notebooks"), 0, 0
    languages = sorted({path.parent.name for path in source.glob("*/*.md")})
    if language and language not in languages:
        raise ValueError(f"there is no translation {language!r}; there are {', '.join(languages)}")
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        is_ours = path.suffix in (".ipynb", ".py") or path.name == "fast.json"  # no results of whoever worked there
        if not path.is_file() or not is_ours or any(part.startswith(".") for part in inside.parts):
            continue
        is_translated = language and path.suffix == ".ipynb"
        target, content = folder / inside, translate(path, language) if is_translated else path.read_bytes()
        if target.exists():
            if target.read_bytes() == content:
                continue
            if not replaces(target):
                kept += 1
                continue
            names = (target.with_suffix(f".yours{n}{target.suffix}") for n in chain([""], count(2)))
            target.rename(next(name for name in names if not name.exists()))
        with whole_file(target) as temporary:
            temporary.write_bytes(content)
        copied += 1
    return copied, kept


def asked(path: Path) -> bool:
    """Whether the user wants a file replaced; where nobody can be asked, it stays."""
    return sys.stdin.isatty() and input(f"{path} is there and is another. Replace it? [y/N] ").lower() in ("y", "yes")
