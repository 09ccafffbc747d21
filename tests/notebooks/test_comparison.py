"""The comparison itself, on made notebooks: what has to be noticed and what may pass."""

import base64
from io import BytesIO

import nbformat
import pytest
from comparison import WIDGET_STATE, WIDGET_VIEW, compare_notebooks, rule_of
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image


def notebook(*outputs: nbformat.NotebookNode, widget: str = "VBoxModel", **rule: object) -> nbformat.NotebookNode:
    """One cell with these outputs."""
    cell = new_code_cell("", id="cell", outputs=list(outputs), metadata={"redn": rule} if rule else {})
    widgets = {WIDGET_STATE: {"state": {"1": {"model_name": widget, "state": {}}}}}
    return new_notebook(cells=[cell], metadata={"widgets": widgets})


def printed(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


def picture(width: int, height: int, kind: str = "png") -> nbformat.NotebookNode:
    file = BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return new_output("display_data", {f"image/{kind}": base64.b64encode(file.getvalue()).decode()})


def compare(stored: str, new: str, **rule: object) -> str:
    return compare_notebooks(notebook(printed(stored), **rule), notebook(printed(new)))


@pytest.mark.parametrize(
    "stored, new, rule",
    [
        ("error 10.00 %", "error 10.10 %", {}),
        ("error  9.99 %", "error 10.05 %", {}),
        ("1,234 faces", "1,240 faces", {}),
        ("loss 4.9, 5", "loss 5.0, 5", {}),
        ("error 10.0 %", "error 11.4 %", {"tolerance": 0.15}),
        ("gain +0.10 [-0.20, +0.40]", "gain -0.10 [-0.40, +0.20]", {"tolerance": 0.15, "absolute": 0.3}),
        ("lost 3 of 12, better", "lost 9 of 12, better", {"tolerance": "words"}),
        ("on cpu", "on cuda", {"ignore": "names the machine"}),
        ("<Figure at 0x7f0123456789>", "<Figure at 0x7f9876543210>", {}),
        ("torch 2.13.0+cpu", "torch 2.13.0", {}),
        ("old bar 1 %\rdone\n", "done\n", {}),
        ("a     1\n-----\n", "a 1\n------\n", {}),
    ],
)
def test_passes(stored, new, rule):
    assert compare(stored, new, **rule) == ""


@pytest.mark.parametrize(
    "stored, new, rule",
    [
        ("error 10.0 %", "error 10.5 %", {}),
        ("error 10.0 %", "error 12.0 %", {"tolerance": 0.15}),
        ("3 faces", "4 faces", {}),
        ("gain 0.50", "gain -0.50", {"tolerance": 0.15}),
        ("1.000", "1.001", {"tolerance": 0}),
        ("better", "worse", {"tolerance": 0.15}),
        ("lost 3, better", "lost 9, WORSE", {"tolerance": "words"}),
        ("[1, 2]", "[1, 2, 3]", {"tolerance": "words"}),
        ("two\nlines", "two", {}),
        ("e 1.0e-05", "e 1.0e-04", {}),
    ],
)
def test_is_noticed(stored, new, rule):
    report = compare(stored, new, **rule)
    assert "cell cell" in report and stored in report and new in report


def test_pictures_are_compared_by_size_and_kind():
    stored = notebook(picture(640, 480))
    assert compare_notebooks(stored, notebook(picture(642, 480))) == ""
    assert "(640, 480)" in compare_notebooks(stored, notebook(picture(640, 320)))
    assert "image/jpeg" in compare_notebooks(stored, notebook(picture(640, 480, "jpeg")))
    assert "other outputs" in compare_notebooks(stored, notebook())


def test_a_picture_of_another_size_is_noticed_among_words_only():
    assert compare_notebooks(notebook(picture(640, 480), tolerance="words"), notebook(picture(640, 320)))


def test_widgets_are_compared_by_kind():
    stored, other = (notebook(new_output("display_data", {WIDGET_VIEW: {"model_id": "1"}}), widget=w) for w in "ab")
    assert compare_notebooks(stored, stored) == ""
    assert "words differ" in compare_notebooks(stored, other)
    assert "other outputs" in compare_notebooks(stored, notebook())


def test_text_beside_a_picture_and_warnings_are_compared():
    def shown(text: str) -> nbformat.NotebookNode:
        return notebook(new_output("execute_result", {"text/plain": text, "text/html": f"<b>{text}</b>"}))

    assert compare_notebooks(shown("face 3"), shown("face 4")).count("3 -> 4") == 2
    assert compare_notebooks(notebook(), notebook(printed("Warning", "stderr")))


def test_streams_printed_in_pieces_are_one():
    assert compare_notebooks(notebook(printed("a\nb\n")), notebook(printed("a\n"), picture(9, 9), printed("b\n"))) != ""
    assert compare_notebooks(notebook(printed("a\nb\n")), notebook(printed("a\n"), printed("b\n"))) == ""


def test_all_differing_cells_are_reported_at_once():
    stored, new = (
        new_notebook(cells=[new_code_cell("", id=i, outputs=[printed(f"{text} {i}")]) for i in ("one", "two")])
        for text in ("stored", "other")
    )
    report = compare_notebooks(stored, new)
    assert "cell one" in report and "cell two" in report


def test_cells_have_to_be_the_same():
    assert "other cells" in compare_notebooks(notebook(), new_notebook())


@pytest.mark.parametrize(
    "rule", [{"tolerance": "none"}, {"tolerance": -1}, {"ignore": ""}, {"ignore": True}, {"ignore": "x"}, {"tol": 0.1}]
)
def test_rules_that_say_nothing_are_refused(rule):
    with pytest.raises(ValueError, match="cell cell"):
        rule_of(notebook(**rule).cells[0])
