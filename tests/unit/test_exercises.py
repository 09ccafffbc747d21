"""The exercises of all notebooks: answers, right and wrong attempts, each with its diagnosis; predictions, progress."""

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
from attempts import ATTEMPTS
from IPython.core.formatters import DisplayFormatter

from redn_lib.commands.lab import copy_notebooks
from redn_lib.teach.lesson import load_lesson

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NUMBERS = sorted(path.stem.removeprefix("lesson_") for path in (NOTEBOOKS / "checks").glob("lesson_*.py"))
LESSONS = {number: load_lesson(number) for number in NUMBERS}
from checks.exercise import Exercise, Letters  # noqa: E402  (load_lesson makes them known)
from checks.prediction import Prediction  # noqa: E402
from checks.progress import noted, progress  # noqa: E402

FOUND = {
    name: x for lesson in LESSONS.values() for name, x in vars(lesson).items() if isinstance(x, Exercise | Letters)
}
EXERCISES = {x.name: x for x in FOUND.values() if isinstance(x, Exercise)}
LETTERS = {x.name: x for x in FOUND.values() if isinstance(x, Letters)}
RIGHT = [
    pytest.param(EXERCISES[n], f, id=f"{n} {i}") for n, (right, _) in ATTEMPTS.items() for i, f in enumerate(right)
]
WRONG = [
    pytest.param(EXERCISES[n], f, w, id=f"{n}: {w}") for n, (_, wrong) in ATTEMPTS.items() for w, f in wrong.items()
]
NUMBER = re.compile(r"\d\.\d")


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REDN_PROGRESS", str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def by_name(mapping: dict) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("exercise", mapping.values(), ids=mapping)


# ---- attempts, as students make them


def test_every_exercise_has_three_right_and_five_wrong_attempts():
    assert set(ATTEMPTS) == set(EXERCISES)
    assert {name for name, (right, wrong) in ATTEMPTS.items() if len(right) < 3 or len(wrong) < 5} == set()


@pytest.mark.parametrize(("exercise", "attempt"), RIGHT)
def test_right_attempts_written_otherwise_are_right_and_taken(exercise, attempt):
    verdict = exercise.check(attempt)
    assert verdict.startswith("✓ right") and verdict.right and verdict.attempted
    for arguments in exercise.cases.values():
        with torch.no_grad():
            mine, ours = verdict.answer(*arguments), exercise.answer(*arguments)
        assert_same_form(mine, ours)
        assert exercise._same(exercise.read(mine, *arguments), exercise.read(ours, *arguments))


def assert_same_form(mine, ours):
    if isinstance(ours, tuple):
        assert isinstance(mine, tuple) and len(mine) == len(ours)
        for pair in zip(mine, ours, strict=True):
            assert_same_form(*pair)
    elif isinstance(ours, torch.Tensor):
        assert isinstance(mine, torch.Tensor) and mine.dtype == ours.dtype and mine.shape == ours.shape
    elif isinstance(ours, np.ndarray):
        assert isinstance(mine, np.ndarray) and mine.shape == ours.shape
    elif isinstance(ours, float):
        assert isinstance(mine, float)


def test_a_right_attempt_takes_dictionaries_of_other_names_than_those_of_the_check():
    blend = EXERCISES["08 weights blended"]
    shipped = torch.nn.Linear(2, 3).state_dict()
    tuned = {name: value + 1 for name, value in shipped.items()}
    for attempt in ATTEMPTS[blend.name][0]:
        mine, ours = (blended(shipped, tuned, 0.5) for blended in (blend.check(attempt).answer, blend.answer))
        assert mine.keys() == ours.keys() == shipped.keys()
        assert all(torch.allclose(mine[name], ours[name]) for name in ours)


@pytest.mark.parametrize(("exercise", "attempt", "words"), WRONG)
def test_wrong_attempts_are_told_their_own_mistake(exercise, attempt, words):
    verdict = exercise.check(attempt)
    assert words.strip() in verdict and verdict.startswith("✗ wrong because ") and not verdict.right
    assert verdict.answer is exercise.answer, "the notebook goes on with ours"


@by_name(EXERCISES)
def test_each_known_mistake_is_told_by_its_own_reason(exercise):
    assert len(exercise.mistakes) >= 5
    for reason, made in exercise.mistakes.items():
        verdict = exercise.check(made if callable(made) else exercise._with(made))
        assert verdict == f"✗ wrong because {reason}"


@by_name(EXERCISES)
def test_what_is_not_written_is_not_attempted_and_a_forgotten_return_is_told(exercise):
    def stub(*arguments):
        """What it should do."""
        ...

    def half_a_stub(*arguments):
        total = ...
        return total / len(arguments)

    def unwritten(*arguments):
        raise NotImplementedError

    for blank in (stub, half_a_stub, unwritten, lambda *arguments: ..., lambda *arguments: None, ..., None):
        verdict = exercise.check(blank)
        assert verdict.startswith("○ not attempted") and not verdict.attempted
        assert verdict.answer is exercise.answer
    for forgetful in (lambda *arguments: print("done"), lambda *arguments: [0].append(len(arguments))):
        assert exercise.check(forgetful) == "✗ wrong because your function returns nothing: `return` is missing"


ODD = {
    "a number": lambda *a: 7.25,
    "a text": lambda *a: "7.25",
    "zeros": lambda *a: np.zeros(3),
    "its input": lambda *a: a[0],
    "many": lambda *a: (1.25, 2.25, 3.25),
    "a set": lambda *a: {1.25},
    "nan": lambda *a: np.nan,
    "an error": lambda *a: a[17],
    "one argument": lambda a: a,
    "no function": 7.25,
    "complex": lambda *a: 1j,
}


@by_name(EXERCISES)
def test_odd_attempts_are_wrong_and_show_no_number_of_the_answer(exercise):
    for attempt in ODD.values():
        verdict = exercise.check(attempt)
        assert verdict.startswith("✗ wrong because ") and not NUMBER.search(verdict), verdict


@by_name(EXERCISES)
def test_near_answers_are_wrong_and_show_no_number_of_the_answer(exercise):
    def with_numbers(change):
        def attempt(*arguments):
            result = exercise.answer(*arguments)
            if isinstance(result, dict):
                return {name: change(part) for name, part in result.items()}
            return tuple(map(change, result)) if isinstance(result, tuple) else change(result)

        return attempt

    for change in (lambda x: -x, lambda x: x * 1.37, lambda x: x + 0.31 * (1 + abs(x))):
        verdict = exercise.check(with_numbers(change))
        assert verdict.startswith("✗ wrong because ") and not NUMBER.search(verdict), verdict


def test_a_check_changes_nothing_of_its_own():
    """Attempts that spoil all they get, then a right one."""

    def spoil(*arguments):
        for argument in arguments:
            if isinstance(argument, np.ndarray | torch.Tensor):
                argument[...] = 0
            elif isinstance(argument, list | dict):
                argument.clear()
        return 1

    for name, exercise in EXERCISES.items():
        exercise.check(spoil)
        assert exercise.check(ATTEMPTS[name][0][0]).right


def test_a_right_attempt_changes_nothing_of_the_notebook_and_lets_the_gradient_pass():
    flip = EXERCISES["01 flip a face"]
    points = next(iter(flip.cases.values()))[0]
    before = points.copy()
    flip.check(ATTEMPTS["01 flip a face"][0][0]).answer(points, 192)
    assert (points == before).all()

    points, crops = EXERCISES["03 points fed back"].cases["two faces"]
    for attempt in ATTEMPTS["03 points fed back"][0]:  # one of them in numpy, one in place
        leaf = points.clone().requires_grad_()
        EXERCISES["03 points fed back"].check(attempt).answer(leaf, crops)[1].sum().backward()
        assert leaf.grad.abs().sum() > 0


def test_rounded_answers_are_right_and_the_notebook_goes_on_with_exact_numbers():
    width, errors = EXERCISES["00 mouth width"], EXERCISES["01 errors of points"]
    for decimals in (2, 3, 4):
        verdict = width.check(lambda p, n=decimals: round(float(width.answer(p)), n))
        assert verdict.right and "last decimal" in verdict and verdict.answer is width.answer
        assert errors.check(lambda p, t, eyes=(36, 45), n=decimals: errors.answer(p, t, eyes).round(n)).right
    assert not width.check(lambda p: round(float(width.answer(p)), 1)).right


def test_where_a_case_alone_is_wrong_it_is_named():
    errors = EXERCISES["01 errors of points"]
    verdict = errors.check(lambda p, t, eyes=(36, 45): errors.answer(p, t, eyes) * (1 if p.ndim == 2 else 1.1))
    assert "(wrong: several faces at once; right: one face)" in verdict


# ---- letters


@by_name(LETTERS)
def test_letters_are_taken_in_any_form(exercise):
    right = exercise.right
    forms = [set(right), list(right), tuple(right), right, right.upper(), ", ".join(right), set(right.upper())]
    forms += [" and ".join(right), f"{{{', '.join(right)}}}", [f"{letter})" for letter in right], {", ".join(right)}]
    for form in forms:
        assert exercise.check(form) == "✓ right", form


@by_name(LETTERS)
def test_each_wrong_letter_has_its_own_reason_and_the_right_ones_are_not_shown(exercise):
    assert len(exercise.why) >= 5 and exercise.check(...).attempted is False
    for letter, reason in exercise.why.items():
        assert exercise.check(set(exercise.right) ^ {letter}) == f"✗ wrong because {reason}"
    for odd in ({1, 2}, 5, "xyz", "", set(), [None], lambda: "a"):
        verdict = exercise.check(odd)
        assert verdict.startswith("✗ wrong because ") and str(sorted(exercise.right)) not in verdict


# ---- what stands in the notebooks


def exercises_in(path: Path):
    """Of each attempt: the exercise, the source of its cell, and that of the answer that follows."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    for i, cell in enumerate(cells):
        if "exercise-attempt" in cell["metadata"].get("tags", []):
            answer = next(
                s
                for c, s in zip(cells[i:], sources[i:], strict=True)
                if "exercise-answer" in c["metadata"].get("tags", [])
            )
            yield (
                getattr(LESSONS[path.name.split("_")[0]], re.search(r"lesson\.(\w+)\.check\(", sources[i])[1]),
                sources[i],
                answer,
            )


IN_NOTEBOOKS = [
    pytest.param(number, *found, id=found[0].name)
    for number in LESSONS
    for path in NOTEBOOKS.glob(f"{number}_*.ipynb")
    for found in exercises_in(path)
]


def test_every_exercise_is_in_its_notebook_once():
    shown = [parameters.values[1].name for parameters in IN_NOTEBOOKS]
    assert sorted(shown) == sorted([*EXERCISES, *LETTERS])
    assert [p.values[1].name for p in IN_NOTEBOOKS if not p.values[1].name.startswith(p.values[0])] == []


@pytest.mark.parametrize(("number", "exercise", "attempt", "answer"), IN_NOTEBOOKS)
def test_the_folded_answer_is_right_and_the_stub_is_blank(number, exercise, attempt, answer):
    assert answer.startswith("<details><summary>Answer</summary>"), "folded"
    space = {"np": np, "torch": torch, **vars(LESSONS[number])}
    if isinstance(exercise, Letters):
        assert exercise.check(eval(re.search(r"`(\{.*?\})`", answer)[1])).right
        assert re.search(r"^\w+ = \.\.\.", attempt, re.M)
        return
    exec(dedent(re.search(r"```python\n(.*?)```", answer, re.S)[1]), space)
    function = space[re.search(r"def (\w+)", answer)[1]]
    assert exercise.check(function).right
    assert re.search(r"^\s+(return )?\.\.\.$", attempt, re.M)


# ---- the finder


def test_the_checks_beside_the_notebook_are_found_and_their_absence_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_lesson("00") is LESSONS["00"], "from elsewhere: those of the repository"
    with pytest.raises(FileNotFoundError, match="put the folder `checks` beside the notebook"):
        load_lesson("99")


def test_a_copied_folder_has_its_own_checks(tmp_path):
    copy_notebooks(tmp_path, lambda path: True)
    code = "from redn_lib.teach.lesson import load_lesson; print(load_lesson('03').__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).samefile(tmp_path / "checks" / "lesson_03.py")


# ---- predictions


OPTIONS = ["step 1 to 2", "step 2 to 3", "neither"]


def test_predictions_are_kept_and_shown_beside_the_result(progress_file):
    asked = Prediction("Which gains more?", OPTIONS)
    assert "a) step 1 to 2" in repr(asked) and "press your letter" in repr(asked)
    assert asked.beside("a") == "you made no prediction; the result is a) step 1 to 2"
    assert not progress_file.exists(), "nothing to keep"
    kept = Prediction("Which gains more?", OPTIONS, "b")
    assert "> b) step 2 to 3" in repr(kept) and "kept: b" in repr(kept)
    words = "✗ you predicted b) step 2 to 3; the result is a) step 1 to 2 (0.9 %"
    assert kept.beside("a", "0.9 % against 0.1 %").startswith(words)
    assert kept.beside("b").startswith("✓")
    assert Prediction("Which gains more?", OPTIONS).choice == "b", "kept in the file"
    assert Prediction("Which gains more?", ["other", "options"]).choice is None


@pytest.mark.parametrize("choice", ["c", "C", "c)", " C. ", "(c)", "neither", "Neither", "c) neither"])
def test_a_prediction_is_taken_in_any_form(choice):
    assert Prediction("Which?", OPTIONS, choice).choice == "c"


@pytest.mark.parametrize("choice", ["d", "", "ab", 3])
def test_an_option_that_is_not_there_is_refused(choice):
    with pytest.raises(ValueError, match="choose one of a, b, c"):
        Prediction("Which?", OPTIONS, choice)


def test_a_button_keeps_the_prediction(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("checks.prediction.display", lambda data, raw: shown.append(data))
    asked = Prediction("Which?", OPTIONS)
    DisplayFormatter().format(asked)
    assert "a) step 1 to 2" in capsys.readouterr().out, "also where no widget runs"
    assert shown[0]["text/plain"].startswith("buttons")
    assert "application/vnd.jupyter.widget-view+json" in shown[0]
    asked.buttons.value = "b"
    assert asked.choice == "b" and noted()["predictions"]["Which?"] == {"choice": "step 2 to 3"}


# ---- progress


def test_progress_shows_every_exercise_and_prediction(progress_file):
    assert "00  ○ mouth width" in progress() and "No predictions yet" in progress()
    for name in ("01 the inner 51", "01 flip a face", "04 a control of your own"):
        exercise = (EXERCISES | LETTERS)[name]
        exercise.check(ATTEMPTS[name][0][0] if name in ATTEMPTS else "b")
    EXERCISES["01 flip a face"].check(lambda points, width: points)
    EXERCISES["07 three rulers"].check(...)
    Prediction("Which?", OPTIONS, "a").beside("b")
    Prediction("Why?", OPTIONS, "c")
    lines = progress().splitlines()
    assert lines[1] == "01  ○ errors of points   ✓ the inner 51   ✗ flip a face"
    assert "✗ a control of your own" in lines[4] and "✓" not in lines[8]
    assert lines[-2:] == ["✗ Which? Yours: step 1 to 2; the result: step 2 to 3", "· Why? Yours: neither"]


@pytest.mark.parametrize("content", ["", "not json", "[1]", '{"exercises": null}', "{}"])
def test_a_damaged_file_of_progress_is_begun_again(progress_file, content):
    progress_file.write_text(content)
    assert "○ mouth width" in progress()
    EXERCISES["00 mouth width"].check(ATTEMPTS["00 mouth width"][0][0])
    assert "✓ mouth width" in progress()


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("REDN_PROGRESS", str(tmp_path))  # a folder, no file
    assert EXERCISES["00 mouth width"].check(ATTEMPTS["00 mouth width"][0][0]).right
    assert Prediction("Which?", OPTIONS, "a").choice == "a" and "○ mouth width" in progress()
