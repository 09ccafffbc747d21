"""The rules of the house: small files, arrows that point down only, widgets in one place, no machine's own paths."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import redn_lib

LIBRARY = Path(redn_lib.__file__).parent
LAYERS = [
    {"landmarks", "response_maps", "files", "device"},
    {"encoder_decoder", "feedback", "identity", "pose", "spread", "temporal", "losses", "metrics", "crop", "data"},
    {"rednet"},
    {"training", "tracking", "pretrained", "teach"},
    {"", "experiments", "widgets", "doctor", "evaluation", "commands"},
    {"cli"},
]
PAPER = {
    "landmarks",
    "response_maps",
    "encoder_decoder",
    "feedback",
    "identity",
    "pose",
    "spread",
    "temporal",
    "rednet",
    "losses",
}
MODEL = (PAPER - {"landmarks"}) | {"pretrained"}
FILES = sorted(LIBRARY.rglob("*.py"))
HOMES = re.compile(r"(?<![\w.<])/(?:work|root|home/\w+|Users/\w+)/|[A-Z]:\\Users")


def module_of(path: Path) -> str:
    """Dotted name below redn_lib: data.faces, rednet; "" for the package itself."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports_of(path: Path) -> set[str]:
    """Absolute dotted names that a file imports anywhere in it; names out of redn_lib down to the module."""
    package = ("redn_lib." + module_of(path)).rstrip(".").split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1] if node.level else [])
            base = ".".join(filter(None, [base, node.module]))
            below = {f"{base}.{alias.name}" for alias in node.names}
            modules = {name for name in below if name.removeprefix("redn_lib.") in MODULES}
            found |= modules | ({base} if len(modules) < len(below) else set())
    return found


def own_imports(path: Path) -> set[str]:
    """Modules of redn_lib that a file imports, as in MODULES."""
    names = {name for name in imports_of(path) if name.split(".")[0] == "redn_lib"}
    return {name.removeprefix("redn_lib").removeprefix(".") for name in names}


def foreign_imports(path: Path) -> set[str]:
    """Top-level packages that a file imports and that are neither Python's own nor ours."""
    return {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - {"redn_lib"}


def top(module: str) -> str:
    return module.split(".")[0]


def layer(module: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if top(module) in names)


def test_every_file_has_a_place_in_the_layers():
    assert {top(module) for module in MODULES} - set().union(*LAYERS) == set()


@pytest.mark.parametrize("module", MODULES)
def test_file_is_short(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", [m for m in MODULES if m])
def test_imports_point_down(module):
    up = {name for name in own_imports(MODULES[module]) if layer(name) > layer(module)}
    assert up == set()


def test_there_are_no_circles():
    graph = {module: own_imports(path) - {module} for module, path in MODULES.items() if module}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", [m for m in MODULES if top(m) in PAPER])
def test_the_papers_files_know_torch_and_no_files_or_plots(module):
    path = MODULES[module]
    assert foreign_imports(path) <= {"torch", "numpy"}
    assert imports_of(path) & {"pathlib", "os", "json", "io", "shutil"} == set()
    assert {top(name) for name in own_imports(path)} & {"data", "training", "show"} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if top(m) == "data"])
def test_data_knows_numpy_and_opencv_but_not_the_model(module):
    assert foreign_imports(MODULES[module]) <= {"numpy", "cv2", "scipy", "tqdm", "PIL", "pooch", "requests"}
    assert {top(name) for name in own_imports(MODULES[module])} & MODEL == set()


@pytest.mark.parametrize("module", [m for m in MODULES if top(m) == "teach"])
def test_teaching_needs_no_trained_model(module):
    assert {top(name) for name in own_imports(MODULES[module])} & {"pretrained", "tracking", "training"} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if top(m) != "show"])
def test_only_show_knows_widgets(module):
    assert foreign_imports(MODULES[module]) & {"ipywidgets", "IPython"} == set()


def text_files(root: Path) -> list[Path]:
    """Files that git tracks or would track; binary ones left out."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listed, cwd=root, capture_output=True, text=True, check=True)
    binary = {".safetensors", ".png", ".jpg", ".npz", ".npy", ".mp4", ".onnx"}
    paths = [root / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix not in binary]


def test_no_file_names_a_folder_of_one_machine(root):
    if not (root / ".git").exists():
        pytest.skip("not a clone: what belongs to the project cannot be told")
    found = [
        f"{path.relative_to(root)}:{number}: {match.group()}"
        for path in text_files(root)
        if path.name != Path(__file__).name
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (match := HOMES.search(line))
    ]
    assert found == []
