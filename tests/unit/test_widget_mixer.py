"""The code mixer in the kernel: every control moves the picture, and what is shown is what the network makes of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from made_steps import peaked, rough_face, shown

from redn_lib.experiments.measures import exact_input
from redn_lib.training.batches import cut_patch
from redn_lib.widgets.mixer import Mixer, MixerState, code_mixer, draw_mix


@pytest.fixture(scope="module")
def model():
    return peaked()


@pytest.fixture(scope="module")
def faces():
    return [rough_face(0, bent=True), rough_face(1, bent=True), rough_face(2, bent=True)]


@pytest.fixture(scope="module")
def mixer(model, faces):
    return Mixer(model, faces)


def test_unmixed_it_is_the_models_own_step(model, faces, mixer):
    pixels_in, crop = exact_input([cut_patch(face) for face in faces], model)
    with torch.inference_mode():
        (own,) = model(pixels_in, crop, 1)
    for a, b, all_of in ((0, 1, "A"), (2, 1, "B")):
        whole = float(all_of == "B")
        mix = mixer.mix(MixerState(a=a, b=b, identity=whole, changing=whole, places=all_of, features=all_of))
        i = a if all_of == "A" else b
        np.testing.assert_allclose(mix.parts["mix"].points, own.crop_points[i].numpy(), atol=1e-3)
        np.testing.assert_allclose(mix.maps, own.response_maps[i].numpy(), atol=1e-5)
        np.testing.assert_allclose(mix.detection, own.detection[i].softmax(0)[1:].numpy(), atol=1e-5)
        np.testing.assert_allclose(mix.parts["mix"].points, mix.parts[all_of].points, atol=1e-3)
        assert mix.way == pytest.approx(whole, abs=1e-3)


def test_each_control_changes_what_it_says_and_no_more(mixer):
    start = MixerState(a=0, b=1, c=2, identity=0, changing=0)
    plain = mixer.mix(start)
    c = plain.halves[0].stop
    for change in ({"identity": 0.5}, {"changing": 0.5}):
        code = mixer.mix(replace(start, **change)).parts["mix"].code
        half = slice(0, c) if "identity" in change else slice(c, None)
        other = slice(c, None) if "identity" in change else slice(0, c)
        np.testing.assert_allclose(
            code[half], (plain.parts["A"].code[half] + plain.parts["B"].code[half]) / 2, atol=1e-5
        )
        np.testing.assert_array_equal(code[other], plain.parts["A"].code[other])
    sees = mixer.mix(replace(start, features="C"))
    assert (sees.detection == plain.detection).all() and (sees.maps != plain.maps).any()
    put = mixer.mix(replace(start, places="C"))
    assert (put.detection != plain.detection).any() and (put.parts["mix"].code == plain.parts["mix"].code).all()


def test_codes_are_as_far_apart_as_two_faces_usually_are(mixer):
    pairs = [mixer.mix(MixerState(a=a, b=b)).distances for a, b in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(np.square(pairs).mean(0), 1, atol=1e-4)
    assert mixer.mix(MixerState(a=1, b=1)).distances == [0, 0]


def test_panels_show_the_mix(mixer):
    mix = mixer.mix(MixerState(point=5))
    maps, empty = np.zeros_like(mix.maps), np.zeros_like(mix.detection)
    maps[5, 4, 20] = 1
    lit, dark = (draw_mix(replace(mix, maps=m, detection=empty)).rows[1][1].picture for m in (maps, 0 * maps))
    changed = np.abs(lit.astype(float) - dark).sum(-1)  # the glow alone, without the points over it
    y, x = np.unravel_index(cv2.blur(changed, (9, 9)).argmax(), changed.shape)
    np.testing.assert_allclose([y, x], (np.array([4, 20]) + 0.5) * len(changed) / maps.shape[-1], atol=8)


def test_the_pose_panel_follows_the_mix(mixer):
    mix = mixer.mix(MixerState())
    turned = mix.parts["mix"]._replace(pose=np.array([3, 0, 0], np.float32))
    one, other = (draw_mix(m).rows for m in (mix, replace(mix, parts=mix.parts | {"mix": turned})))
    pairs = [pair for rows in zip(one, other, strict=True) for pair in zip(*rows, strict=True)]
    moved = [p.title for p, q in pairs if p.rows != q.rows or not np.array_equal(p.picture, q.picture)]
    assert moved == ["Pose"]
    beyond = mix.parts["A"].pose + mix.parts["B"].pose + 9
    parts = mix.parts | {"mix": mix.parts["mix"]._replace(pose=beyond)}
    assert draw_mix(replace(mix, parts=parts)).still().data, "the mix may lie beyond A and B"


def test_where_the_code_changed_glows(mixer):
    same = mixer.mix(MixerState(identity=0, changing=0))
    mix = mixer.mix(MixerState(identity=0, changing=1))
    assert not same.changed.any() and mix.changed.any()
    half = same.halves[1]
    apart = (mixer.encoded[1].code - mixer.encoded[0].code)[0, half].abs().sum(0) / len(mixer.codes[0])
    np.testing.assert_allclose(mix.changed, apart, rtol=1e-4, atol=1e-5)


def test_images_of_ones_own_are_taken(model, faces):
    live = code_mixer(model, [face.image for face in faces], [face.box for face in faces])
    assert "A image 0 · B image 1" in shown(live)["line"]


def test_line_and_alt_text_follow(model, faces):
    live = code_mixer(model, faces)
    line = shown(live)["line"]
    assert "Ann 0" in line and "C_pe 100% of B" in line and "usual: 1" in line and "C_pe 100% of B" in live.stand_in.alt
    line = shown(live, identity=0.3, places="C", point=36)["line"]
    assert "C_id 30% of B" in line and "places of C" in line and "point 36" in line
    assert "A and B are one image" in shown(live, b=0)["line"]
    twins = Mixer(model, [faces[0], faces[0], faces[1]])
    assert "one image" not in str(draw_mix(twins.mix(MixerState())).numbers)


def test_two_faces_are_enough(model, faces):
    assert code_mixer(model, faces[:2]).state.c == 1


def test_wrong_starts_are_named(model, faces):
    with pytest.raises(ValueError, match="b must be 0 to 2, got 3"):
        code_mixer(model, faces, b=3)
    with pytest.raises(ValueError, match="two faces or more, got 1"):
        code_mixer(model, faces[:1])
