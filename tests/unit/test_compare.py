"""`redn compare`: the same frames and boxes for all, mark-up taken out fairly, and peers that are not installed."""

import json
import os
import sys
import tomllib
import types

import made_sets
import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

from redn_lib.cli import main
from redn_lib.data import dataset
from redn_lib.evaluation.errors import labels_of
from redn_lib.evaluation.peers import PEERS, Peer, Program, comparison, one_core, programs_of, without_offset
from redn_lib.evaluation.tables import read_table
from redn_lib.landmarks import MEAN_SHAPE, tight_box
from redn_lib.pretrained import load_pretrained, save_weights
from redn_lib.training.trained_on import trained_on

BOX = np.array([40.0, 30.0, 80.0, 70.0], np.float32)


@pytest.fixture(scope="module")
def ytf(tmp_path_factory):
    return made_sets.make_ytf68(tmp_path_factory.mktemp("ytf68")).root


@pytest.fixture
def made_peer(monkeypatch):
    """Adds a peer "made" that predicts with `predict`; gives the images and boxes that it was given."""
    given = []

    def install(predict):
        def noted(image, box):
            given.append((image, box))
            return predict(image, box)

        module = types.ModuleType("made")
        module.__version__ = "7.1"
        monkeypatch.setitem(sys.modules, "made", module)
        monkeypatch.setitem(PEERS, "made", Peer("made", "made", "nothing", lambda: {"as made": noted}))
        return given

    return install


def mean_shape(image, box):
    """The mean shape in the box."""
    return (MEAN_SHAPE + 1) / 2 * (box[2:] - box[:2]) + box[:2]


def faces(rng, count=12, people=3):
    """Labels (N, 68, 2) of turned and scaled faces, and who is shown."""
    turn, scale = rng.uniform(-1, 1, count), rng.uniform(20, 60, count)
    z = (MEAN_SHAPE @ [1, 1j])[None] * (scale * np.exp(1j * turn))[:, None] + rng.uniform(50, 90, (count, 1)) * (1 + 1j)
    return np.stack([z.real, z.imag], -1), [f"person {i % people}" for i in range(count)]


def test_all_get_the_same_boxes_and_the_table_says_how_it_was_made(ytf, made_peer, tmp_path):
    given, out = made_peer(mean_shape), [tmp_path / "t.csv", tmp_path / "t.json"]
    assert main(["compare", "--data", str(ytf), "--peers", "made", "--out", *map(str, out)]) == 0
    boxes = [tight_box(sample.points) for sample in dataset.open(ytf)]
    assert np.allclose([box for _, box in given[1:]], boxes)
    rows = read_table(out[0])
    assert rows[["program", "input", "markup"]].apply(tuple, axis=1).tolist() == [
        ("ours", "box given", "as it is"),
        ("ours", "box given", "corrected"),
        ("made", "as made", "as it is"),
        ("made", "as made", "corrected"),
    ]
    assert (rows["frames"] == 5).all()
    assert rows.loc[2, "version"] == "7.1" and rows.loc[2, "trained_on"] == "nothing"
    assert (rows["ms"] >= rows["ms_least"]).all() and (rows["ms_least"] >= 0).all()
    head = out[0].read_text()
    told = f"# command: redn compare --data FOLDER --out {out[0]} {out[1]} --peers made"
    assert head.splitlines()[1] == told and "# commit: " in head
    assert "made by another network" in head and "cross-fitted by person" in head
    assert len(json.loads(out[1].read_text())["table"]) == 4


def test_disturbed_boxes_are_the_same_in_every_run(ytf, made_peer):
    given = made_peer(mean_shape)
    for _ in range(2):
        assert main(["compare", "--data", str(ytf), "--peers", "made", "--shift"]) == 0
    half = len(given) // 2
    assert np.array_equal([box for _, box in given[:half]], [box for _, box in given[half:]])
    assert not np.allclose(
        [box for _, box in given[1:half]], [tight_box(sample.points) for sample in dataset.open(ytf)]
    )


def test_a_face_that_is_not_found_is_a_failure_and_left_out_of_what_all_answered(ytf):
    rows = dataset.open(ytf)
    labels = labels_of(rows).astype(float)
    eyes = np.linalg.norm(labels[:, 36] - labels[:, 45], axis=-1)[:, None, None]
    predictions = np.stack([labels + [0.01, 0] * eyes, labels + [0.02, 0] * eyes])
    predictions[0, 0] += [0.05, 0] * eyes[0]
    predictions[1, 0] = np.nan
    programs = [Program(name, "", None, "", "") for name in "ab"]
    a, _, b, _ = comparison(programs, rows, predictions, labels, np.ones((2, len(rows))))
    assert a["nme"] == pytest.approx(2) and a["nme_shared"] == pytest.approx(1) and a["fr8"] == 0
    assert b["nme"] == b["nme_shared"] == pytest.approx(2) and b["found"] == 4 and b["fr8"] == pytest.approx(20)


def test_a_constant_habit_is_taken_out_whatever_way_the_face_is_turned():
    rng = np.random.default_rng(0)
    labels, people = faces(rng)
    z = labels @ [1, 1j]
    habit = rng.normal(0, 0.05, 68) + 1j * rng.normal(0, 0.05, 68)
    habit[[36, 45]] = 0
    predicted = z + habit * (z[:, 45] - z[:, 36])[:, None]
    predictions = np.stack([predicted.real, predicted.imag], -1)
    predictions[4] = np.nan
    corrected = without_offset(predictions, labels, people)
    assert np.isnan(corrected[4]).all()
    others = np.arange(12) != 4
    assert np.allclose(corrected[others], labels[others]) and not np.allclose(predictions[others], labels[others])


def test_nobodys_own_labels_correct_their_predictions():
    labels, people = faces(np.random.default_rng(1))
    predictions = labels + np.random.default_rng(2).normal(0, 1, labels.shape)
    before = without_offset(predictions, labels, people)
    mine = np.array(people) == "person 1"
    labels[mine] += 9
    after = without_offset(predictions, labels, people)
    assert np.array_equal(before[mine], after[mine]) and not np.allclose(before[~mine], after[~mine])


def test_points_that_are_not_labelled_are_left_as_they_are():
    labels, people = faces(np.random.default_rng(3))
    predictions = labels + 1
    labels[:, 8] = np.nan
    corrected = without_offset(predictions, labels, people)
    assert np.array_equal(corrected[:, 8], predictions[:, 8]) and not np.allclose(corrected[:, 9], predictions[:, 9])


def test_a_single_person_cannot_be_corrected():
    labels, _ = faces(np.random.default_rng(0))
    with pytest.raises(ValueError, match="on other people, and there are none"):
        without_offset(labels, labels, ["Ann"] * 12)


def test_one_core_is_given_back():
    before = torch.get_num_threads(), os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with pytest.raises(KeyError), one_core():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert (torch.get_num_threads(), os.sched_getaffinity(0) if before[1] else None) == before


def test_weights_trained_on_these_people_are_refused(ytf, made_peer, tmp_path, capsys):
    made_peer(mean_shape)
    path = tmp_path / "w.safetensors"
    save_weights(load_pretrained(device="cpu"), path, **trained_on(dataset.open(ytf, people=["Bo_Ek"])))
    assert main(["compare", "--data", str(ytf), "--peers", "made", "--weights", str(path)]) == 2
    assert "was trained on 1 of these 3 people: Bo_Ek" in capsys.readouterr().err


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_is_not_installed_says_how(ytf, name, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, PEERS[name].package, None)
    assert main(["compare", "--data", str(ytf), "--peers", name]) == 2
    error = capsys.readouterr().err
    assert f"peer {name} is not installed" in error and f'".[{name}]"' in error and error.count("\n") == 1


def test_an_unknown_peer_is_named(capsys):
    assert main(["compare", "--data", "d", "--peers", "dlib,nobody"]) == 2
    assert f"no peer named 'nobody'; there are {', '.join(PEERS)}" in capsys.readouterr().err


def test_every_peer_is_an_extra_with_pins_that_do_not_contradict_the_suites(root):
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pins = dict(line.split("==") for line in (root / "constraints.txt").read_text().splitlines() if "==" in line)
    assert set(PEERS) | {"peers"} <= set(extras)
    wanted = [Requirement(line) for name in PEERS for line in extras[name]]
    assert all(str(r.specifier).startswith("==") for r in wanted)
    assert not {r.name for r in wanted} & set(pins)
    second = next(r for r in wanted if r.name == "opencv-contrib-python")
    assert second.specifier.contains(pins["opencv-python"])
    together = Requirement(extras["peers"][0])
    assert together.name == "redn_lib" and together.extras <= set(PEERS)


def test_the_committed_table_has_ours_ahead_of_the_others_and_names_its_command(root):
    path = root / "results" / "compare.csv"
    command = path.read_text().splitlines()[1]
    assert command.startswith("# command: redn compare --data FOLDER --people FILE ")
    assert "--peers dlib,mediapipe" in command
    rows = read_table(path)
    ours, others = rows[rows["program"] == "ours"].set_index("markup"), rows[rows["program"] != "ours"]
    assert set(others["program"]) == {"dlib", "mediapipe"} and len(ours) == 2
    for figure in ("nme", "nme_shared", "nme_inner_51", "nme_7", "fr8"):
        assert (others["markup"].map(ours[figure]) < others[figure]).all(), figure


@pytest.fixture
def fake(monkeypatch):
    """Puts a made module in place of a peer's package and gives what the peer predicts with."""

    def install(name, module):
        module.__version__ = getattr(module, "__version__", "1")
        monkeypatch.setitem(sys.modules, PEERS[name].package, module)
        return {program.input: program.predict for program in programs_of(PEERS[name])}

    return install


@pytest.fixture
def dlib(monkeypatch):
    """A dlib whose trees give the corners of the rectangle, and whose detector finds `found`."""
    module = types.ModuleType("dlib")
    module.found, module.seen = [], []

    class Rectangle:
        def __init__(self, *sides):
            self.sides = sides
            self.left, self.top, self.right, self.bottom = (lambda v=v: v for v in sides)

    def trees(image, rectangle):
        x0, y0, x1, y1 = rectangle.sides
        places = [types.SimpleNamespace(x=x, y=y) for x, y in [(x0, y0), (x1, y1)] * 34]
        return types.SimpleNamespace(parts=lambda: places)

    def detector(image, enlarged):
        module.seen.append(image.shape)
        return module.found

    module.rectangle, module.shape_predictor = Rectangle, lambda path: trees
    module.get_frontal_face_detector = lambda: detector
    monkeypatch.setattr("redn_lib.evaluation.peers.file_of_package", lambda *names: "trees.dat")
    return module


def test_dlib_begins_where_its_detector_would_see_the_face(fake, dlib):
    points = fake("dlib", dlib)["box given"](np.zeros((120, 120, 3), np.uint8), BOX)
    assert points.shape == (68, 2)
    assert np.allclose(points[:2], [[40, 25], [80, 68]])


def test_dlibs_own_box_is_the_one_near_the_given_box_in_pixels_of_the_picture(fake, dlib):
    own = fake("dlib", dlib)["own detector"]
    image = np.zeros((300, 300, 3), np.uint8)
    assert own(image, BOX) is None
    dlib.found = [dlib.rectangle(0, 0, 8, 8), dlib.rectangle(18, 19, 60, 61)]
    assert np.allclose(own(image, BOX)[:2], [[20 + 18, 10 + 19], [20 + 60, 10 + 61]])
    assert dlib.seen[-1] == (81, 81, 3)
    dlib.found = dlib.found[:1]
    assert own(image, BOX) is None


def test_mediapipes_mesh_becomes_68_points_of_the_picture(fake):
    module = types.ModuleType("mediapipe")
    mesh = np.random.default_rng(0).uniform(0, 1, (478, 2))
    calls = []

    class FaceMesh:
        def __init__(self, **options):
            self.still = options["static_image_mode"]

        def reset(self):
            calls.append("reset")

        def process(self, image):
            calls.append((self.still, image.shape))
            marks = [types.SimpleNamespace(x=x, y=y) for x, y in mesh]
            dark = not image.any()
            return types.SimpleNamespace(multi_face_landmarks=None if dark else [types.SimpleNamespace(landmark=marks)])

    module.solutions = types.SimpleNamespace(face_mesh=types.SimpleNamespace(FaceMesh=FaceMesh))
    predict = fake("mediapipe", module)
    image = np.full((300, 300, 3), 9, np.uint8)
    points = predict["one pass"](image, BOX)
    assert points.shape == (68, 2)
    assert np.allclose(points[30], mesh[4] * 81 - 0.5 + [20, 10])
    assert np.allclose(points[27], (mesh[168] + mesh[6]) / 2 * 81 - 0.5 + [20, 10])
    calls.clear()
    assert np.allclose(predict["two passes"](image, BOX), points)
    assert calls == ["reset", (False, (81, 81, 3)), (False, (81, 81, 3))]
    assert predict["one pass"](image * 0, BOX) is None


def test_a_mediapipe_without_its_weights_is_told(fake):
    module = types.ModuleType("mediapipe")
    module.__version__ = "1.2.3"
    with pytest.raises(ValueError, match="mediapipe 1.2.3 comes without weights.*pip install"):
        fake("mediapipe", module)
