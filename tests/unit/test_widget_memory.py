"""The memory microscope in the kernel: what the page gets is what the network does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_steps import peaked, remembering, video

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.occluder import OCCLUDER_KINDS, Occluder, occlude_clip
from redn_lib.experiments.filters import FILTERS
from redn_lib.feedback import to_patch
from redn_lib.metrics import nme
from redn_lib.training.batches import cut_clip
from redn_lib.widgets import memory as module
from redn_lib.widgets.memory import (
    HOLD,
    HOLD_SURE,
    NONE,
    WITH,
    WITHOUT,
    ClipTracker,
    ScopeState,
    clip_arrays,
    frame_arrays,
    memory_microscope,
)

FRAMES = 6
ONE_STEP = {"steps": 1, "enters": 2, "lasts": 2}


def hidden_of(tracked):
    return np.stack([face.state.hidden[0].numpy() for face in tracked.tracks[WITH]])


@pytest.fixture(scope="module")
def model():
    return remembering()


@pytest.fixture(scope="module")
def clips():
    return [video(0), video(1)]


def test_both_runs_are_what_the_library_does(model, clips):
    scrubbed = ClipTracker(model, clips).result(ScopeState(clip=1, steps=2, enters=2, occluder=NONE))
    clip = cut_clip(clips[1])
    frames = torch.from_numpy(clip.frames)[None].permute(0, 1, 4, 2, 3).float() / 255
    p = model.preset
    crop = torch.from_numpy(Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix).float()[None]
    for name, temporal in ((WITHOUT, False), (WITH, True)):
        with torch.inference_mode():
            outputs = model.clip(frames, crop, 2, temporal=temporal)
        track = np.stack([s.steps[-1].points[0].numpy() for s in outputs])
        np.testing.assert_allclose(scrubbed.points[name], track, atol=1e-3)
        np.testing.assert_allclose(scrubbed.errors()[name].mean(1), nme(track, clip.points), atol=1e-4)
    np.testing.assert_allclose(hidden_of(scrubbed), [s.state.hidden[0].numpy() for s in outputs], atol=1e-4)
    np.testing.assert_allclose(scrubbed.over_time("trust"), [s.trust[0] for s in outputs], rtol=1e-3)
    np.testing.assert_allclose(scrubbed.over_time("share"), [s.joined[-1].share[0] for s in outputs], rtol=1e-3)


def test_gates_and_prior_are_those_of_the_memory(model, clips):
    """The cell that the gates make of the cell before is the cell of the state; the prior lies where it is expected."""
    tracked = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, occluder=NONE))
    faces, lstm = tracked.tracks[WITH], model.memory.lstm
    given = []
    with torch.inference_mode(), lstm.register_forward_pre_hook(lambda _lstm, inputs: given.append(inputs)):
        frame = torch.from_numpy(tracked.clip.frames[3])[None].permute(0, 3, 1, 2).float() / 255
        output = model.frame(frame, faces[2].next_crop, faces[2].state, 1)
        write, keep, value, _ = (gate[0] for gate in lstm.gates(*given[0][:2]))
    forget, enter = torch.from_numpy(faces[3].arrays["gates"])
    cell = forget * faces[2].state.cell[0] + enter * value.tanh()
    torch.testing.assert_close(cell, output.state.cell[0], atol=1e-5, rtol=1e-4)
    assert torch.allclose(forget, keep.sigmoid()) and torch.allclose(enter, write.sigmoid())
    crop = output.steps[0].crop
    np.testing.assert_allclose(faces[3].arrays["expected"], to_patch(output.prior.points, crop)[0], atol=1e-3)
    ends = to_patch(torch.stack([torch.zeros(68), output.prior.spread[0].exp() * model.preset.size], 1)[None], crop)[0]
    np.testing.assert_allclose(
        faces[3].arrays["reach"], (ends - to_patch(torch.zeros(1, 68, 2), crop)[0]).norm(dim=1), rtol=1e-4
    )


def test_hold_keeps_the_last_sure_points_and_places_the_crop_around_them(model, clips, monkeypatch):
    alone = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, occluder=NONE))
    sure = [face.sure for face in alone.tracks[WITHOUT]]
    assert HOLD_SURE == 0.7
    monkeypatch.setattr(module, "HOLD_SURE", min(sure))
    every = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, occluder=NONE))
    np.testing.assert_array_equal(every.points[HOLD], alone.points[WITHOUT])
    monkeypatch.setattr(module, "HOLD_SURE", 1.1)
    never = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, occluder=NONE))
    np.testing.assert_array_equal(never.points[HOLD], np.repeat(alone.points[WITHOUT][:1], FRAMES, 0))


def test_frames_before_the_first_that_changed_are_not_tracked_again(model, clips):
    computed = ClipTracker(model, clips)
    first = computed.result(ScopeState(**ONE_STEP, occluder=NONE))
    assert 2 * FRAMES <= first.computed <= 3 * FRAMES - 1
    later = computed.result(ScopeState(**ONE_STEP, occluder=NONE, forget=(4,)))
    assert later.computed == FRAMES - 4, "frame by frame there is nothing to forget"
    for name in (WITHOUT, WITH):
        assert all(a is b for a, b in zip(first.tracks[name][:4], later.tracks[name][:4], strict=True))
    assert later.tracks[WITH][4] is not first.tracks[WITH][4] and later.tracks[WITHOUT][4] is first.tracks[WITHOUT][4]
    before = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, occluder=NONE, forget=(4,)))
    np.testing.assert_array_equal(hidden_of(later), hidden_of(before))
    assert computed.result(ScopeState(**ONE_STEP, occluder=NONE, baseline="Kalman")).tracks is first.tracks


def test_what_passes_hides_the_face_and_moves_the_answers_of_its_frames(model, clips):
    computed = ClipTracker(model, clips)
    bare = computed.result(ScopeState(**ONE_STEP, occluder=NONE))
    hidden = computed.result(ScopeState(**ONE_STEP, occluder="board", share=0.8))
    assert (bare.occluded == 0).all() and hidden.occluded[2:4] == pytest.approx([0.8, 0.8], abs=0.1)
    for name in (WITHOUT, WITH):
        assert (hidden.tracks[name][2].points != bare.tracks[name][2].points).any()


def test_a_state_that_was_dropped_is_a_first_frame(model, clips):
    dropped = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, occluder=NONE, forget=(4,)))
    clip, track = dropped.clip, dropped.tracks[WITH]
    frame = torch.from_numpy(clip.frames[4])[None].permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        first = model.frame(frame, track[3].next_crop, None, 1)
    np.testing.assert_allclose(track[4].state.hidden[0].numpy(), first.state.hidden[0].numpy(), atol=1e-5)


def test_a_filter_smooths_the_points_found_without_memory(model, clips):
    scrubbed = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, baseline="exponential"))
    smooth, strengths = FILTERS["exponential"]
    track = np.stack([face.points for face in scrubbed.tracks[WITHOUT]])
    least = min(nme(smooth(track, s), scrubbed.clip.points).mean() for s in strengths)
    assert scrubbed.errors()["exponential filter"].mean() == pytest.approx(least)


def test_one_patch_for_the_whole_clip_and_points_go_along():
    clip = video()
    patch = cut_clip(clip)
    assert patch.frames.shape == (FRAMES, PATCH_SIZE, PATCH_SIZE, 3)
    grown = np.ptp(patch.points[0][:, 0]) / np.ptp(clip.points[0][:, 0])
    np.testing.assert_allclose(patch.points[5] - patch.points[0], grown * (clip.points[5] - clip.points[0]), atol=1e-2)


def test_a_stay_beyond_the_end_is_cut_off(model, clips):
    tracked = ClipTracker(model, clips).result(ScopeState(enters=4, lasts=6, steps=1))
    assert tracked.occluded[4] > 0.5


@pytest.mark.parametrize("kind", OCCLUDER_KINDS)
def test_covered_hides_points_and_says_how_much(kind):
    clip = cut_clip(video())
    hidden = occlude_clip(clip, Occluder(kind, 0.7, 2, 2))
    assert hidden.factors["occluded"][2:4].mean() == pytest.approx(0.7, abs=0.06)
    assert hidden.visible[2].sum() < 60 and (hidden.points == clip.points).all()
    again = occlude_clip(clip, Occluder(kind, 0.7, 2, 2))
    assert (again.frames == hidden.frames).all() and (hidden.frames[2] != clip.frames[2]).any()
    with pytest.raises(ValueError, match="until frame 7, the clip has 6"):
        occlude_clip(clip, Occluder(kind, 0.7, 3, 4))
    with pytest.raises(ValueError, match="must be square, got 100x224"):
        occlude_clip(replace(clip, frames=clip.frames[:, :, :100]), Occluder(kind, 0.7, 2, 2))


def asked(view, frame=0, **change):
    return view.respond({"state": view.setup["state"] | change, "frame": frame, "whole": True})


def test_what_the_page_gets(model, clips):
    tracked = ClipTracker(model, clips).result(ScopeState(**ONE_STEP, baseline="Kalman"))
    arrays, n, size = clip_arrays(tracked) | frame_arrays(tracked, 2), 4, model.preset.size
    cells, units = tracked.tracks[WITH][0].arrays["maps"].shape[-1], 12
    assert {name: values.shape for name, values in arrays.items()} == {
        "image": (PATCH_SIZE, PATCH_SIZE, 3),
        "crops": (2, size, size, 3),
        "matrices": (2, 2, 3),
        "maps": (2, 68, cells, cells),
        "strip": (FRAMES, 32, 32, 3),
        "points": (n, FRAMES, 68, 2),
        "truth": (FRAMES, 68, 2),
        "errors": (n, FRAMES, 68),
        **dict.fromkeys(("reach", "trust", "share"), (FRAMES, 68)),
        "expected": (FRAMES, 68, 2),
        "occluded": (FRAMES,),
        "places": (FRAMES, 2),
        "face": (1,),
        "rows": (units,),
        "units": (3, units, FRAMES),
    }
    assert {values.dtype.name for values in arrays.values()} == {"uint8", "float32", "int32"}
    assert all(np.isfinite(values).all() for values in arrays.values())
    gates = tracked.over_time("gates").transpose(1, 2, 0)  # (2, H, T)
    np.testing.assert_allclose(arrays["units"][:2] / 255, gates[:, arrays["rows"]], atol=1 / 255)
    hidden = hidden_of(tracked).T[arrays["rows"]]
    np.testing.assert_allclose(arrays["units"][2] / 127.5 - 1, hidden, atol=1 / 100)
    np.testing.assert_array_equal(arrays["image"], tracked.clip.frames[2])


def test_a_push_moves_the_occluder_and_what_it_hides(model, clips):
    computed = ClipTracker(model, clips)
    usual, away = (computed.result(ScopeState(**ONE_STEP, aside=aside)) for aside in ((0.0, 0.0), (0.5, -0.25)))
    np.testing.assert_allclose(away.places - usual.places, np.tile([0.5, -0.25], (FRAMES, 1)) * away.face, atol=0.1)
    assert usual.occluded[2] > 0.6 > 0.5 > away.occluded[2]
    gone = computed.result(ScopeState(**ONE_STEP, aside=(9.0, 0.0)))
    assert (gone.clip.frames == cut_clip(clips[0]).frames).all() and not gone.occluded.any()


def test_while_it_is_dragged_only_the_frame_is_drawn(model, clips, monkeypatch):
    view = memory_microscope(model, clips, **ONE_STEP)
    monkeypatch.setattr(view.tracker, "result", None)
    state = view.setup["state"] | {"aside": [0.2, 0.1]}
    (name, image), *others = view.respond({"state": state, "frame": 2, "drag": True})["arrays"].items()
    monkeypatch.undo()
    assert name == "image" and not others
    whole = view.respond({"state": state, "frame": 2, "whole": True})["arrays"]
    assert (image == whole["image"]).all()


def test_line_and_alt_text_say_where_we_are(model, clips):
    view = memory_microscope(model, clips, frame=2, **ONE_STEP)
    tracked = ClipTracker(model, clips).result(ScopeState(**ONE_STEP))
    here = ", ".join(f"{name} {error[2].mean():.1%}" for name, error in tracked.errors().items())
    forget, enter = tracked.over_time("gates")[2].mean(1)
    gates = f"forget gate {forget:.2f}, input gate {enter:.2f}"
    for words in ("video 0", "frame 2 of 0 to 5", here, "memory never cleared", gates):
        assert words in view.stand_in.alt and words in asked(view, 2)["line"]
    line = asked(view, 3, forget=[3, 5], baseline="Kalman")["line"]
    assert "cleared before frame 3, 5" in line and "Kalman filter" in line and "frame 3 of" in line


def test_a_still_picture_stands_in(model, clips):
    shown, about = memory_microscope(model, clips, **ONE_STEP)._repr_mimebundle_()
    alone = memory_microscope.figure(model, clips, **ONE_STEP)
    assert "application/vnd.jupyter.widget-view+json" in shown and about["image/jpeg"]["alt"] == alone.alt
    assert alone.alt.startswith("Memory microscope")


def test_all_ends_are_swept_in_ci(model, clips, monkeypatch):
    requests = []
    monkeypatch.setenv("REDN_CI", "1")
    monkeypatch.setattr(module.MemoryMicroscope, "respond", lambda _self, request: requests.append(request["state"]))
    view = memory_microscope(model, clips)
    for name, (low, high) in view.tracker.limits.items():
        assert {low, high} <= {state[name] for state in requests}
    assert {state["occluder"] for state in requests} == {NONE, *OCCLUDER_KINDS}
    assert {state["baseline"] for state in requests} == {NONE, *FILTERS} and requests[-1] == view.setup["state"]
    monkeypatch.undo()
    view.sweep()


def test_wrong_inputs_are_named(model, clips, monkeypatch):
    monkeypatch.delenv("REDN_CI", raising=False)
    with pytest.raises(ValueError, match="frame must be 0 to 5, got 6"):
        memory_microscope.figure(model, clips, frame=6)
    with pytest.raises(ValueError, match="all equally long, got \\[6, 4\\]"):
        memory_microscope(model, [video(0), video(1, 4)])
    with pytest.raises(ValueError, match="no memory"):
        memory_microscope(peaked(), clips)
    view = memory_microscope(model, clips, **ONE_STEP)
    for change, words in (
        ({"steps": 9}, "steps must be 1 to 3"),
        ({"occluder": "cat"}, "'cat'"),
        ({"nose": 1}, "nose"),
    ):
        answer, _ = view.reply({"state": view.setup["state"] | change, "frame": 0}, [])
        assert "Error: " in answer["error"] and words in answer["error"]
