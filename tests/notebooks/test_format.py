"""Every notebook has the shape that a reader can rely on, and was stored after a clean run from top to bottom."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from comparison import REPORTED, rule_of
from notebook_runner import widget_errors

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SECTIONS = {"00_start_here": ["predict", "see", "recap"]}
LESSON = ["predict", "build", "swap", "see", "break", "exercise", "recap"]
MOST_LINES, FEW_LONGER, LONGEST = 15, 3, 25
MOST_BYTES = 1_500_000
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(|<img\b(?P<tag>[^>]*)>")
HOMES = re.compile(r"(?<![\w.<])/(?:work|root|home/\w+|Users/\w+|tmp)/|[A-Z]:\\\\?Users")


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture(scope="module")
def notebook(path) -> nbformat.NotebookNode:
    found = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(found)
    return found


def of_type(notebook: nbformat.NotebookNode, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def headings(notebook: nbformat.NotebookNode) -> list[str]:
    text = "\n".join(re.sub(r"```.*?```", "", c.source, flags=re.S) for c in of_type(notebook, "markdown"))
    return re.findall(r"^#{1,6} .+$", text, flags=re.MULTILINE)


def parameters_cell(notebook: nbformat.NotebookNode) -> int:
    """Index of the one cell that papermill may change."""
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    return tagged[0]


def pictures(source: str) -> list[str]:
    """The alt text of each picture in a Markdown cell."""
    found = PICTURE.finditer(source)
    return [m["alt"] if m["tag"] is None else "".join(re.findall(r'alt="([^"]*)"', m["tag"])) for m in found]


def line_count(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def test_one_title_with_the_notebooks_number(notebook, path):
    titles = [h for h in headings(notebook) if h.startswith("# ")]
    assert len(titles) == 1 and titles[0].startswith(f"# {path.stem[:2]} - ")
    assert notebook.cells[0].source.startswith(titles[0])


def test_it_opens_with_a_picture_and_says_how_long_it_takes(notebook):
    opening = "\n".join(cell.source for cell in notebook.cells[: parameters_cell(notebook)])
    assert pictures(opening)
    assert "minutes" in opening


def test_every_picture_has_its_text(notebook):
    for cell in of_type(notebook, "markdown"):
        assert all(alt.strip() for alt in pictures(cell.source)), cell.source


def test_parameters_are_literals(notebook):
    cell = notebook.cells[parameters_cell(notebook)]
    statements = ast.parse(cell.source).body
    assert statements
    for statement in statements:
        assert isinstance(statement, ast.Assign), ast.unparse(statement)
        ast.literal_eval(statement.value)


def test_set_up_is_short_and_comes_next(notebook):
    after = notebook.cells[parameters_cell(notebook) + 1 :]
    setup = next(cell for cell in after if cell.cell_type == "code")
    assert "import redn_lib" in setup.source
    assert line_count(setup.source) <= 6


def test_sections_come_in_order(notebook, path):
    text = [h.lower() for h in headings(notebook) if not h.startswith("# ")]
    places = {w: [i for i, h in enumerate(text) if re.search(rf"\b{w}", h)] for w in sections(path)}
    assert [word for word, found in places.items() if not found] == []
    firsts = [found[0] for found in places.values()]
    assert firsts == sorted(firsts), text


def sections(path: Path) -> list[str]:
    return SECTIONS.get(path.stem, LESSON)


def test_two_or_three_exercises(notebook, path):
    if "exercise" not in sections(path):
        pytest.skip("no exercises in this one")
    assert len([h for h in headings(notebook) if re.search(r"Exercise \d", h)]) in (2, 3)


def test_code_cells_are_small(notebook):
    lengths = [line_count(cell.source) for cell in of_type(notebook, "code")]
    assert max(lengths) <= LONGEST
    assert sum(length > MOST_LINES for length in lengths) <= FEW_LONGER


def test_cell_ids_are_names_that_stay(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", i)] == [], "made by chance: give them names"


def test_stored_after_one_run_from_top_to_bottom(notebook):
    code = [cell for cell in of_type(notebook, "code") if cell.source.strip()]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_no_error_is_stored(notebook):
    outputs = [out for cell in of_type(notebook, "code") for out in cell.outputs]
    assert [out.ename for out in outputs if out.output_type == "error"] == []
    assert widget_errors(notebook) == []


def test_no_cell_may_raise(notebook):
    assert not any("raises-exception" in cell.metadata.get("tags", []) for cell in notebook.cells)


def test_outputs_are_compared_by_rules_that_the_report_shows(notebook, path, record_property):
    code = of_type(notebook, "code")
    assert [cell.id for cell in code if "NBVAL" in cell.source] == [], "state a tolerance: see comparison.py"
    record_property(REPORTED, [(path.stem, cell.id, str(rule_of(cell))) for cell in code])


def test_file_is_small_and_names_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert HOMES.findall(re.sub(r'"[A-Za-z0-9+/=\\n]{200,}"', '""', text)) == []
