"""Every answer of the suite is right, and its notebook goes on with it: the teacher edition runs."""

import nbformat
import pytest

from redn_lib.course.build import build, execute
from redn_lib.course.source import notebooks, read, small_parameters, tags


@pytest.mark.parametrize("number", notebooks())
def test_the_teacher_edition_runs_and_every_answer_is_right(number, tmp_path):
    (path,) = build(tmp_path, "teacher", [number])
    edition = read(path)
    parameters = next(cell for cell in edition.cells if "parameters" in tags(cell))
    parameters.source += "".join(f"\n{name} = {value!r}" for name, value in small_parameters()[path.stem].items())
    nbformat.write(edition, path)
    execute(path)
