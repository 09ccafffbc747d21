"""`redn evaluate` by published protocols, on small sets in the published layouts."""

import json

import made_sets
import numpy as np
import pytest

from redn_lib.cli import main
from redn_lib.data import dataset
from redn_lib.data.convert import convert
from redn_lib.data.layouts import SETS
from redn_lib.data.pts import write_pts
from redn_lib.evaluation.errors import labels_of
from redn_lib.evaluation.protocols import PROTOCOLS
from redn_lib.evaluation.report import Measured
from redn_lib.evaluation.tables import read_table
from redn_lib.landmarks import SEVEN
from redn_lib.metrics import NORMALISERS, point_errors
from redn_lib.pretrained import about_weights, load_pretrained, save_weights
from redn_lib.training.trained_on import digest, trained_on


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Converted sets by name, each made when first asked for."""
    made = {}

    def store(name):
        if name not in made:
            root, made[name] = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp(f"{name}-store")
            convert(SETS[name], [made_sets.MAKERS[name](root).root], made[name])
        return made[name]

    return store


@pytest.fixture(scope="module")
def ytf(tmp_path_factory):
    return made_sets.make_ytf68(tmp_path_factory.mktemp("ytf68")).root


@pytest.fixture(scope="module")
def weights(tmp_path_factory, ytf, stores):
    """Weight files by what they say of their training: nothing, procedural faces alone, a person, a video."""
    folder, model = tmp_path_factory.mktemp("weights"), load_pretrained(device="cpu")
    video = [sample for sample in dataset.open(stores("300vw")) if sample.video == "114"]
    known = {
        "silent": {},
        "made": trained_on([]),
        "ann": trained_on(dataset.open(ytf, people=["Ann_Lee"])),
        "bo": trained_on(dataset.open(ytf, people=["Bo_Ek"])),
        "video": trained_on(video),
    }
    for name, about in known.items():
        save_weights(model, folder / f"{name}.safetensors", **about)
    return lambda name: folder / f"{name}.safetensors"


def evaluate(folder, out, *options):
    """The JSON of a run with one step."""
    assert main(["evaluate", "--data", str(folder), "--steps", "1", "--out", str(out), *map(str, options)]) == 0
    return json.loads(out.read_text())


@pytest.mark.parametrize(
    "protocol, splits",
    [
        ("300w-common", {"helen-test", "lfpw-test"}),
        ("300w-challenging", {"ibug"}),
        ("300w-full", {"helen-test", "lfpw-test", "ibug"}),
    ],
)
def test_a_protocol_takes_its_splits_and_says_what_is_missing_of_them(stores, weights, tmp_path, protocol, splits):
    figures = evaluate(stores("300w"), tmp_path / "f.json", "--protocol", protocol, "--weights", weights("made"))
    assert figures["frames"] == 2 * len(splits)
    assert {row["name"] for row in figures["table"] if row["of"] == "split"} == (splits if len(splits) > 1 else set())
    assert [row["points"] for row in figures["table"] if row["of"] == "overall"] == ["68", "inner 51", "7"]
    told = " ".join(figures["notes"])
    assert all(f"{split}: 2 frames, the set has" in told for split in splits) and "afw" not in told
    assert figures["published"] == []


def test_videos_are_listed_and_the_papers_figure_stands_beside_with_its_conditions(stores, weights, tmp_path, capsys):
    out, table = tmp_path / "f.json", tmp_path / "f.csv"
    figures = evaluate(stores("300vw"), out, table, "--protocol", "300vw", "--weights", weights("made"))
    assert "5.43" in capsys.readouterr().out
    rows = read_table(table).set_index("of")
    assert set(rows.loc["video", "name"]) == {"114", "203", "410"} and (rows.loc["video", "jitter"] > 0).all()
    assert set(rows.loc["split", "name"]) == {"cat1", "cat2", "cat3"}
    assert rows.loc["published", "nme"].tolist() == [5.43, pytest.approx(np.nan, nan_ok=True)]
    assert rows.loc["published", "conditions"].str.contains("not found").all()
    assert f"# command: {figures['command']}" in table.read_text() and "--protocol 300vw" in figures["command"]
    assert "videos not there: 124 125" in " ".join(figures["notes"])


def test_errors_divided_by_something_else_are_not_mixed_with_published_ones(stores, weights, tmp_path, capsys):
    options = ("--protocol", "300vw-cat1", "--weights", weights("made"))
    eyes = evaluate(stores("300vw"), tmp_path / "eyes.json", *options)
    box = evaluate(stores("300vw"), tmp_path / "box.json", *options, "--normaliser", "box-diagonal")
    assert eyes["published"] and not box["published"]
    assert box["steps"][0]["nme"] < eyes["steps"][0]["nme"] / 2
    assert "errors in % of the diagonal" in capsys.readouterr().out


def test_a_set_with_few_points_is_measured_over_those(weights, tmp_path, capsys):
    made_sets.save_pair(tmp_path / "set/Ann/1", 1)
    write_pts(tmp_path / "set/Ann/1.pts", made_sets.shape(1)[list(SEVEN)])
    figures = evaluate(tmp_path / "set", tmp_path / "f.json", "--weights", weights("made"))
    assert [row["points"] for row in figures["table"] if row["of"] == "overall"] == ["7"]
    assert figures["parts"] == {} and figures["steps"][0]["nme"] > 0
    argv = ["evaluate", "--data", str(tmp_path / "set"), "--normaliser", "pupils", "--steps", "1"]
    assert main([*argv, "--weights", str(weights("made"))]) == 2
    assert "pupils" in (error := capsys.readouterr().err) and "outer-eyes" in error


def test_frames_without_any_prediction_are_failures_and_no_number(stores, weights, tmp_path):
    options = ("--protocol", "300vw-cat1", "--track", "--weights", weights("made"))
    figures = evaluate(stores("300vw"), tmp_path / "f.json", *options)
    assert figures["track"] is True
    row = figures["table"][0]
    assert row["found"] == 0 and row["nme"] is None and row["fr8"] == 100 and row["auc8"] == 0


def test_curves_are_drawn(stores, weights, tmp_path):
    figure = tmp_path / "curves.png"
    evaluate(stores("folder"), tmp_path / "f.json", figure, "--weights", weights("made"))
    assert figure.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "options, says",
    [
        (["--protocol", "300vw-cat1"], "--data holds 300w, protocol 300vw-cat1 is of 300vw"),
        (["--protocol", "300w-private"], "300w has no split 'private' here"),
        (["--out", "table.txt"], "--out table.txt: name a file that ends in .json"),
        (["--track", "--shift"], "choose one of the two"),
    ],
)
def test_what_does_not_go_together_is_one_clear_line(stores, options, says, capsys):
    assert main(["evaluate", "--data", str(stores("300w")), *options]) == 2
    assert says in (error := capsys.readouterr().err) and error.count("\n") == 1


def test_weights_trained_on_these_people_are_refused_by_name_and_without_a_protocol_told_of(
    ytf, weights, tmp_path, capsys
):
    argv = ["evaluate", "--data", str(ytf), "--steps", "1", "--weights", str(weights("ann"))]
    assert main([*argv, "--protocol", "ytf68"]) == 2
    error = capsys.readouterr().err
    assert "ann.safetensors was trained on 1 of these 3 people: Ann_Lee" in error and "--without" in error
    assert main(argv) == 0
    assert "no figures of unseen faces" in capsys.readouterr().out
    (tmp_path / "names.txt").write_text("Ann_Lee\n")
    assert main([*argv, "--protocol", "ytf68", "--without", str(tmp_path / "names.txt")]) == 0
    assert "none of these 2 people" in (told := capsys.readouterr().out) and "made by another network" in told


def test_weights_trained_on_these_videos_are_refused(stores, weights, capsys):
    argv = ["evaluate", "--data", str(stores("300vw")), "--steps", "1", "--weights", str(weights("video"))]
    assert main([*argv, "--protocol", "300vw-cat1"]) == 2
    assert "300vw/114" in capsys.readouterr().err
    assert main([*argv, "--protocol", "300vw-cat2"]) == 0


@pytest.mark.parametrize("name, says", [("silent", "cannot be checked"), ("made", "trained on no real people")])
def test_weights_that_name_nobody_are_told_apart(ytf, weights, name, says, capsys):
    argv = ["evaluate", "--data", str(ytf), "--steps", "1", "--protocol", "ytf68", "--weights", str(weights(name))]
    assert main(argv) == 0
    assert says in capsys.readouterr().out


def test_converted_or_not_a_person_and_a_video_have_the_same_digest(ytf, stores):
    raw, stored = trained_on(dataset.open(ytf)), trained_on(dataset.open(stores("ytf68")))
    assert raw == stored and len(raw["seen"]["people"]) == 3 and len(raw["seen"]["videos"]) == 5
    assert digest("Ann_Lee") in raw["seen"]["people"]
    assert digest("helen-test/image_2_0") not in trained_on(dataset.open(stores("300w")))["seen"]["people"]


def test_what_was_seen_before_is_kept_and_unknown_stays_unknown(ytf, weights):
    rows = dataset.open(ytf, people=["Bo_Ek"])
    both = trained_on(rows, about_weights(weights("ann")))["seen"]["people"]
    assert both == sorted(map(digest, ("Ann_Lee", "Bo_Ek")))
    assert trained_on(rows, about_weights(weights("silent"))) == {}


def test_training_leaves_its_people_in_the_weights(ytf, tmp_path, capsys):
    names, out = tmp_path / "names.txt", tmp_path / "w.safetensors"
    names.write_text("Ann_Lee\n")
    options = ["--iterations", "1", "--batch", "2", "--run", str(tmp_path / "run"), "--out", str(out)]
    assert main(["train", "--data", str(ytf), "--people", str(names), *options]) == 0
    assert about_weights(out)["seen"]["people"] == [digest("Ann_Lee")]
    argv = ["evaluate", "--data", str(ytf), "--protocol", "ytf68", "--weights", str(out), "--steps", "1"]
    assert main(argv) == 2
    assert "Ann_Lee" in capsys.readouterr().err


def test_figures_by_hand(ytf):
    samples = dataset.open(ytf)[:3]
    labels = labels_of(samples).astype(float)
    eyes = np.linalg.norm(labels[:, 36] - labels[:, 45], axis=-1)
    predictions = labels[:, None].copy()
    predictions[0, 0, :, 0] += 0.02 * eyes[0]
    predictions[1, 0, 8, 1] += 6.8 * eyes[1]
    predictions[2] = np.nan
    overall = {row["points"]: row for row in Measured(samples, predictions, labels).table()}
    assert overall["68"]["nme"] == pytest.approx(6) and overall["inner 51"]["nme"] == pytest.approx(1)
    assert overall["7"]["nme"] == pytest.approx(1) and overall["68"]["found"] == 2
    assert overall["68"]["fr8"] == pytest.approx(200 / 3) and overall["7"]["fr8"] == pytest.approx(100 / 3)


def test_thirds_by_turn_of_the_head_hold_all_faces_and_the_most_turned_is_last(ytf):
    samples = (dataset.open(ytf)[:2] * 30)[:45]
    labels = labels_of(samples).astype(float)
    labels[:, 30, 0] += np.linspace(0, 40, len(labels))[::-1]  # the nose's tip, ever less to the side
    predictions = labels[:, None].copy()
    predictions[:15, 0, :, 0] += 1
    rows = {
        r["name"]: r
        for r in Measured(samples, predictions, labels).table()
        if r["of"] == "turn" and r["points"] == "68"
    }
    assert [row["frames"] for row in rows.values()] == [15, 15, 15]
    assert rows["most turned"]["nme"] > 0 and rows["least turned"]["nme"] == rows["more turned"]["nme"] == 0


def test_every_normaliser_by_hand():
    square = np.tile([[10.0, 20.0]], (68, 1))
    square[[0, 36, 45]] = (10, 20), (20, 30), (30, 30)
    square[16] = 40, 60
    square[[37, 38, 39, 40, 41]], square[[42, 43, 44, 46, 47]] = (20, 30), (30, 30)
    off = point_errors(square + [0, 1], square, NORMALISERS["outer-eyes"][0])
    sizes = {name: 1 / point_errors(square + [0, 1], square, by)[0] for name, (by, _) in NORMALISERS.items()}
    assert off.shape == (68,)
    assert sizes == pytest.approx(
        {"outer-eyes": 10, "pupils": 10, "box-diagonal": 50, "box-size": np.sqrt(1200)}, rel=1e-6
    )


def test_protocols_are_of_published_sets_and_of_splits_that_these_have(stores):
    for protocol in PROTOCOLS.values():
        if protocol.name != "300w-private":
            assert set(protocol.splits) <= set(dataset.open(stores(protocol.set)).splits), protocol.name
