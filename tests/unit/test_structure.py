"""The rules of the house: arrows that point down only, widgets in one place, no machine's own paths."""

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
    {"encoder_decoder", "feedback", "identity", "temporal", "presets", "losses", "metrics", "crop", "data"},
    {"rednet"},
    {"folded"},
    {"training", "tracking", "pretrained", "teach", "evaluation"},
    {"", "experiments", "widgets", "course", "commands"},
    {"cli"},
]
PAPER = {
    "landmarks",
    "response_maps",
    "encoder_decoder",
    "feedback",
    "identity",
    "temporal",
    "presets",
    "rednet",
    "losses",
}
MODEL = (PAPER - {"landmarks"}) | {"pretrained"}
DATA_PACKAGES = {"numpy", "cv2", "scipy", "tqdm", "PIL"}
HOMES = re.compile(r"(?<![\w.<])/(?:work|root|home/\w+|Users/\w+)/|[A-Z]:\\Users")


def module_of(path: Path) -> str:
    """Dotted name below redn_lib: data.clip, rednet; "" for the package itself."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(LIBRARY.rglob("*.py"))}


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


IMPORTS = {module: imports_of(path) for module, path in MODULES.items()}


def own(module: str) -> set[str]:
    """Modules of redn_lib that a module imports, as in MODULES."""
    names = {name for name in IMPORTS[module] if name.split(".")[0] == "redn_lib"}
    return {name.removeprefix("redn_lib").removeprefix(".") for name in names}


def foreign(module: str) -> set[str]:
    """Top-level packages that a module imports and that are neither Python's own nor ours."""
    return {name.split(".")[0] for name in IMPORTS[module]} - set(sys.stdlib_module_names) - {"redn_lib"}


def top(module: str) -> str:
    return module.split(".")[0]


def layer(module: str) -> int:
    return next((i for i, names in enumerate(LAYERS) if top(module) in names), -1)


def below(*names: str) -> list[str]:
    """Modules of these packages."""
    return [module for module in MODULES if top(module) in names]


def offenders(modules: list[str], found) -> dict[str, set[str]]:
    """{module: what `found(module)` says is wrong in it}, without those where nothing is."""
    return {module: wrong for module in modules if (wrong := found(module))}


def test_every_file_has_a_place_in_the_layers():
    assert [module for module in MODULES if layer(module) < 0] == []
    assert set().union(*LAYERS) - {top(module) for module in MODULES} == set(), "layers without a file"


def test_imports_point_down():
    modules = [module for module in MODULES if module]
    assert offenders(modules, lambda m: {name for name in own(m) if layer(name) > layer(m)}) == {}


def test_there_are_no_circles():
    graph = {module: own(module) - {module} for module in MODULES if module}
    graphlib.TopologicalSorter(graph).prepare()


def test_the_papers_files_know_torch_and_no_files_or_plots():
    def wrong(module: str) -> set[str]:
        files = IMPORTS[module] & {"pathlib", "os", "json", "io", "shutil"}
        return foreign(module) - {"torch", "numpy"} | files | {m for m in own(module) if top(m) not in PAPER}

    assert offenders(below(*PAPER), wrong) == {}


def test_data_knows_arrays_but_not_the_model():
    def wrong(module: str) -> set[str]:
        return foreign(module) - DATA_PACKAGES | {m for m in own(module) if top(m) in MODEL}

    assert offenders(below("data"), wrong) == {}


def test_teaching_needs_no_trained_model():
    trained = {"pretrained", "tracking", "training"}
    assert offenders(below("teach"), lambda m: {name for name in own(m) if top(name) in trained}) == {}


def test_only_widgets_know_widgets():
    others = [module for module in MODULES if top(module) != "widgets"]
    assert offenders(others, lambda m: foreign(m) & {"ipywidgets", "IPython", "anywidget"}) == {}


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


def test_no_run_of_lines_stands_twice():
    """Six lines in a row, blank ones and import lists left out, stand in one place only."""
    places: dict[tuple[str, ...], list[str]] = {}
    for module, path in MODULES.items():
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        lines = [line for line in lines if line and not line.startswith(("import ", "from ", "#"))]
        for at in range(len(lines) - 5):
            places.setdefault(tuple(lines[at : at + 6]), []).append(module)
    assert {modules[0]: (modules[1:], lines[0]) for lines, modules in places.items() if len(modules) > 1} == {}
