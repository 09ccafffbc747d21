"""The time scrubber in the kernel: every control moves the picture, and what is drawn is what the network does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_steps import peaked, remembering, video

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.occluder import OCCLUDER_KINDS, Occluder, occlude_clip
from redn_lib.experiments.filters import FILTERS
from redn_lib.metrics import nme
from redn_lib.training.batches import cut_clip
from redn_lib.widgets.scrubber import (
    NONE,
    SHARE,
    TRUST,
    WITH,
    WITHOUT,
    Scrubber,
    ScrubberState,
    scrubber,
)

FRAMES = 6
ONE_STEP = {"steps": 1, "enters": 2, "lasts": 2}


@pytest.fixture(scope="module")
def model():
    return remembering()


@pytest.fixture(scope="module")
def clips():
    return [video(0), video(1)]


def test_both_runs_are_what_the_library_does(model, clips):
    scrubbed = Scrubber(model, clips).result(ScrubberState(clip=1, steps=2, occluder=NONE))
    clip = cut_clip(clips[1])
    frames = torch.from_numpy(clip.frames)[None].permute(0, 1, 4, 2, 3).float() / 255
    p = model.preset
    crop = torch.from_numpy(Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix).float()[None]
    for name, temporal in ((WITHOUT, False), (WITH, True)):
        with torch.inference_mode():
            outputs = model.clip(frames, crop, 2, temporal=temporal)
        track = np.stack([s.steps[-1].points[0].numpy() for s in outputs])
        np.testing.assert_allclose([face.points for face in scrubbed.tracks[name]], track, atol=1e-3)
        np.testing.assert_allclose(scrubbed.errors[name], nme(track, clip.points), atol=1e-4)
    np.testing.assert_allclose(scrubbed.hidden, [s.state.hidden[0].numpy() for s in outputs], atol=1e-4)
    np.testing.assert_allclose(scrubbed.memory[TRUST], [s.trust.mean() for s in outputs], rtol=1e-3)
    np.testing.assert_allclose(scrubbed.memory[SHARE], [s.joined[-1].share.mean() for s in outputs], rtol=1e-3)


def test_frames_before_the_first_that_changed_are_not_tracked_again(model, clips):
    computed = Scrubber(model, clips)
    first = computed.result(ScrubberState(**ONE_STEP, occluder=NONE))
    assert first.computed == 2 * FRAMES
    later = computed.result(ScrubberState(**ONE_STEP, occluder=NONE, forget=4))
    assert later.computed == FRAMES - 4, "frame by frame there is nothing to forget"
    for name in (WITHOUT, WITH):
        assert all(a is b for a, b in zip(first.tracks[name][:4], later.tracks[name][:4], strict=True))
    assert later.tracks[WITH][4] is not first.tracks[WITH][4] and later.tracks[WITHOUT][4] is first.tracks[WITHOUT][4]
    before = Scrubber(model, clips).result(ScrubberState(**ONE_STEP, occluder=NONE, forget=4))
    np.testing.assert_array_equal(later.hidden, before.hidden)
    assert (
        computed.result(ScrubberState(**ONE_STEP, occluder=NONE, frame=3, point=5, baseline="Kalman")).tracks
        is first.tracks
    )


def test_what_passes_hides_the_face_and_moves_the_answers_of_its_frames(model, clips):
    computed = Scrubber(model, clips)
    bare = computed.result(ScrubberState(**ONE_STEP, occluder=NONE))
    hidden = computed.result(ScrubberState(**ONE_STEP, occluder="board", share=0.8))
    assert (bare.occluded == 0).all() and hidden.occluded[2:4] == pytest.approx([0.8, 0.8], abs=0.1)
    for name in (WITHOUT, WITH):
        assert (hidden.tracks[name][2].points != bare.tracks[name][2].points).any()


def test_a_state_that_was_dropped_is_a_first_frame(model, clips):
    dropped = Scrubber(model, clips).result(ScrubberState(**ONE_STEP, occluder=NONE, forget=4))
    clip, track = dropped.clip, dropped.tracks[WITH]
    frame = torch.from_numpy(clip.frames[4])[None].permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        first = model.frame(frame, track[3].next_crop, None, 1)
    np.testing.assert_allclose(track[4].state.hidden[0].numpy(), first.state.hidden[0].numpy(), atol=1e-5)


def test_a_filter_smooths_the_points_found_without_memory(model, clips):
    scrubbed = Scrubber(model, clips).result(ScrubberState(**ONE_STEP, baseline="exponential"))
    smooth, strengths = FILTERS["exponential"]
    track = np.stack([face.points for face in scrubbed.tracks[WITHOUT]])
    least = min(nme(smooth(track, s), scrubbed.clip.points).mean() for s in strengths)
    assert scrubbed.errors["exponential"].mean() == pytest.approx(least)


def test_one_patch_for_the_whole_clip_and_points_go_along():
    clip = video()
    patch = cut_clip(clip)
    assert patch.frames.shape == (FRAMES, PATCH_SIZE, PATCH_SIZE, 3)
    grown = np.ptp(patch.points[0][:, 0]) / np.ptp(clip.points[0][:, 0])
    np.testing.assert_allclose(patch.points[5] - patch.points[0], grown * (clip.points[5] - clip.points[0]), atol=1e-2)


def test_a_stay_beyond_the_end_is_cut_off(model, clips):
    clip = Scrubber(model, clips).result(ScrubberState(enters=4, lasts=20, steps=1)).clip
    assert clip.factors["occluded"][4] > 0.5


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


def test_line_and_alt_text_say_where_we_are(model, clips):
    live = scrubber(model, clips, frame=2, **ONE_STEP)
    scrubbed = Scrubber(model, clips).result(ScrubberState(frame=2, **ONE_STEP))
    here = ", ".join(f"{name} {scrubbed.errors[name][2]:.1%}" for name in (WITHOUT, WITH))
    for words in ("video 0", "frame 2 of 0 to 5", here, "memory never cleared", "frames tracked again"):
        assert words in live.line.value
    live.set(forget=3, point=36, baseline="Kalman")
    assert "cleared before frame 3" in live.line.value and "Kalman" in live.line.value
    assert "cleared before frame 3" in live.image.tooltip and "point 36" in live.line.value


def test_wrong_inputs_are_named(model, clips):
    with pytest.raises(ValueError, match="frame must be 0 to 5, got 6"):
        scrubber.figure(model, clips, frame=6)
    with pytest.raises(ValueError, match="all equally long, got \\[6, 4\\]"):
        scrubber(model, [video(0), video(1, 4)])
    with pytest.raises(ValueError, match="no memory"):
        scrubber(peaked(), clips)
