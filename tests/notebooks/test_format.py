"""Every notebook has the shape that a reader can rely on, and was stored after a clean run from top to bottom.

Each rule is one test over all notebooks: it lists what is wrong in each.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from comparison import REPORTED, rule_of
from nbformat import NotebookNode
from notebook_runner import widget_errors

PATHS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SECTIONS = {"00_start_here": ["predict", "see", "recap"]}
LESSON = ["predict", "build", "swap", "see", "break", "exercise", "recap"]
MOST_LINES, FEW_LONGER, LONGEST = 15, 3, 25
MOST_BYTES = 1_500_000
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(|<img\b(?P<tag>[^>]*)>")
HOMES = re.compile(r"(?<![\w.<])/(?:work|root|home/\w+|Users/\w+|tmp)/|[A-Z]:\\\\?Users")
BASE64 = re.compile(r'"[A-Za-z0-9+/=\\n]{200,}"')


@pytest.fixture(scope="module")
def notebooks() -> dict[str, NotebookNode]:
    found = {path.stem: nbformat.read(path, as_version=nbformat.NO_CONVERT) for path in PATHS}
    for notebook in found.values():
        nbformat.validate(notebook)
    return found


def wrong(notebooks: dict[str, NotebookNode], check: Callable[[NotebookNode], object]) -> dict[str, object]:
    """{notebook: what `check` finds wrong in it}, without those where it finds nothing."""
    return {name: found for name, notebook in notebooks.items() if (found := check(notebook))}


def of_type(notebook: NotebookNode, kind: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def headings(notebook: NotebookNode) -> list[str]:
    text = "\n".join(re.sub(r"```.*?```", "", c.source, flags=re.S) for c in of_type(notebook, "markdown"))
    return re.findall(r"^#{1,6} .+$", text, flags=re.MULTILINE)


def parameters_at(notebook: NotebookNode) -> int:
    """Index of the one cell that papermill may change."""
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    return tagged[0]


def tagged(notebook: NotebookNode, tag: str) -> Iterator[int]:
    """Indices of the cells with this tag."""
    return (i for i, cell in enumerate(notebook.cells) if tag in cell.metadata.get("tags", []))


def alt_texts(source: str) -> list[str]:
    """The alt text of each picture in a Markdown cell."""
    found = PICTURE.finditer(source)
    return [m["alt"] if m["tag"] is None else "".join(re.findall(r'alt="([^"]*)"', m["tag"])) for m in found]


def line_count(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def test_one_title_with_the_notebooks_number(notebooks):
    titles = {name: [h for h in headings(notebook) if h.startswith("# ")] for name, notebook in notebooks.items()}
    assert {name: found for name, found in titles.items() if len(found) != 1} == {}
    assert [name for name, (title,) in titles.items() if not title.startswith(f"# {name.split('_')[0]} - ")] == []
    assert [name for name, (title,) in titles.items() if not notebooks[name].cells[0].source.startswith(title)] == []


def test_it_opens_with_a_picture_and_says_how_long_it_takes(notebooks):
    def lacks(notebook: NotebookNode) -> bool:
        opening = "\n".join(cell.source for cell in notebook.cells[: parameters_at(notebook)])
        return not alt_texts(opening) or "minutes" not in opening

    assert wrong(notebooks, lacks) == {}


def test_every_picture_has_its_text(notebooks):
    def without(notebook: NotebookNode) -> list[str]:
        return [c.id for c in of_type(notebook, "markdown") if not all(alt.strip() for alt in alt_texts(c.source))]

    assert wrong(notebooks, without) == {}


def test_parameters_are_literals(notebooks):
    for notebook in notebooks.values():
        statements = ast.parse(notebook.cells[parameters_at(notebook)].source).body
        assert statements
        for statement in statements:
            assert isinstance(statement, ast.Assign), ast.unparse(statement)
            ast.literal_eval(statement.value)


def test_set_up_is_short_and_comes_next(notebooks):
    def long(notebook: NotebookNode) -> str:
        after = notebook.cells[parameters_at(notebook) + 1 :]
        setup = next(cell.source for cell in after if cell.cell_type == "code")
        return "" if "import redn_lib" in setup and line_count(setup) <= 6 else setup

    assert wrong(notebooks, long) == {}


def test_sections_come_in_order(notebooks):
    for name, notebook in notebooks.items():
        text = [h.lower() for h in headings(notebook) if not h.startswith("# ")]
        places = {w: [i for i, h in enumerate(text) if re.search(rf"\b{w}", h)] for w in SECTIONS.get(name, LESSON)}
        assert [word for word, found in places.items() if not found] == [], name
        firsts = [found[0] for found in places.values()]
        assert firsts == sorted(firsts), (name, text)


def test_two_or_three_exercises(notebooks):
    """Besides the pieces that are left to build: one exercise is enough where there are two of these."""

    def count(notebook: NotebookNode) -> tuple[int, int]:
        exercises = sum(bool(re.search(r"Exercise \d", h)) for h in headings(notebook))
        return exercises, len(list(tagged(notebook, "exercise-attempt"))) - exercises

    counts = {name: count(notebook) for name, notebook in notebooks.items() if name not in SECTIONS}
    assert {n: found for n, found in counts.items() if found[0] not in (2, 3) and found != (1, 2)} == {}


def test_exercises_are_tagged_cell_by_cell_and_in_order(notebooks):
    """A statement, then a check and an attempt; then the answer, before the next statement."""

    def untagged(notebook: NotebookNode) -> list[str]:
        code, attempts = of_type(notebook, "code"), list(tagged(notebook, "exercise-attempt"))
        hole = re.compile(r"^\s*(return |\w+ = )?\.{3}", re.M)
        blank = {c.id for c in code if "check(" in c.source and hole.search(c.source)}
        blank -= {notebook.cells[i].id for i in attempts}
        guesses = {c.id for c in code if "Prediction(\n" in c.source}
        return sorted(blank | guesses ^ {notebook.cells[i].id for i in tagged(notebook, "prediction")})

    def disordered(notebook: NotebookNode) -> list[str]:
        parts = ("attempt", "statement", "check", "answer")
        attempts, statements, checks, answers = (list(tagged(notebook, f"exercise-{part}")) for part in parts)
        ends = [*statements[1:], len(notebook.cells)]
        found = [] if len(attempts) == len(statements) else [f"{len(attempts)} attempts, {len(statements)} statements"]
        for start, attempt, end in zip(statements, attempts, ends, strict=False):
            has_check = any(check <= attempt for check in checks)
            if not (start < attempt < end and has_check and any(attempt < answer < end for answer in answers)):
                found.append(notebook.cells[attempt].id)
        return found

    assert wrong(notebooks, untagged) == {}
    assert wrong(notebooks, disordered) == {}
    assert all(list(tagged(notebook, "exercise-attempt")) for notebook in notebooks.values())


def test_code_cells_are_small(notebooks):
    def long(notebook: NotebookNode) -> dict[str, int]:
        lengths = {cell.id: line_count(cell.source) for cell in of_type(notebook, "code")}
        longer = {cell: length for cell, length in lengths.items() if length > MOST_LINES}
        return longer if len(longer) > FEW_LONGER or max(lengths.values()) > LONGEST else {}

    assert wrong(notebooks, long) == {}


def test_cell_ids_are_names_that_stay(notebooks):
    def random_or_double(notebook: NotebookNode) -> list[str]:
        ids = [cell.id for cell in notebook.cells]
        return [i for i in ids if ids.count(i) > 1 or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", i)]

    assert wrong(notebooks, random_or_double) == {}, "made by chance: give them names"


def test_stored_after_one_run_from_top_to_bottom(notebooks):
    def out_of_order(notebook: NotebookNode) -> list[int]:
        counts = [cell.execution_count for cell in of_type(notebook, "code") if cell.source.strip()]
        return [] if counts == list(range(1, len(counts) + 1)) else counts

    assert wrong(notebooks, out_of_order) == {}


def test_no_error_is_stored_and_no_cell_may_raise(notebooks):
    def errors(notebook: NotebookNode) -> list[str]:
        code = of_type(notebook, "code")
        stored = [out.ename for cell in code for out in cell.outputs if out.output_type == "error"]
        raising = [cell.id for cell in code if "raises-exception" in cell.metadata.get("tags", [])]
        return stored + widget_errors(notebook) + raising

    assert wrong(notebooks, errors) == {}


def test_outputs_are_compared_by_rules_that_the_report_shows(notebooks, record_property):
    code = [(name, cell) for name, notebook in notebooks.items() for cell in of_type(notebook, "code")]
    record_property(REPORTED, [(name, cell.id, str(rule_of(cell))) for name, cell in code])
    old = [f"{name} {cell.id}" for name, cell in code if "NBVAL" in cell.source]
    assert old == [], "state a tolerance in the cell's metadata: see comparison.py"


def test_file_is_small_and_names_no_machine():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in PATHS}
    assert [name for name, text in texts.items() if len(text.encode()) >= MOST_BYTES] == []
    assert {name: found for name, text in texts.items() if (found := HOMES.findall(BASE64.sub('""', text)))} == {}
