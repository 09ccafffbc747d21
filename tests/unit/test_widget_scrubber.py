"""The time scrubber in the kernel: every control moves the picture, and what is drawn is what the network does."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from unit.test_training import TINY
from widget_sweep import assert_every_control_moves_it_and_comes_back, pixels

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.clip import Clip
from redn_lib.data.occluder import OCCLUDER_KINDS, Occluder, occlude_clip
from redn_lib.experiments.filters import FILTERS
from redn_lib.landmarks import MEAN_SHAPE
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.temporal import prior_height
from redn_lib.widgets.scrubber import scrubber, scrubber_figure
from redn_lib.widgets.scrubber_view import NONE, WITH, WITHOUT, Scrubber, ScrubState, disturbed, patched

FRAMES = 6
LOOK = {"looks": 1, "enters": 2, "lasts": 2}


def video(seed=0, frames=FRAMES):
    """A rough picture of which a window moves on, and a face in it that stands still in the picture."""
    rng = np.random.default_rng(seed)
    whole = cv2.resize(rng.integers(0, 255, (14, 14, 3), np.uint8), (190, 170), interpolation=cv2.INTER_CUBIC)
    face = (MEAN_SHAPE * 40 + (95, 85)).astype(np.float32)
    shift = 2 * np.arange(frames)
    pictures = np.stack([whole[:150, s : s + 150] for s in shift])
    return Clip(pictures, np.stack([face - [s, 0] for s in shift]).astype(np.float32), "Ann", f"video {seed}")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    net = RedNet(replace(TINY, hidden=12)).eval()
    torch.nn.init.normal_(net.regression.out.weight, std=0.5)  # untrained maps are flat; these have peaks
    for layer in (net.memory.unpool, net.memory.prior):  # a fresh memory is silent; this one speaks
        torch.nn.init.normal_(layer.weight, std=0.3)
    return net


@pytest.fixture(scope="module")
def clips():
    return [video(0), video(1)]


def test_every_control_changes_the_picture_at_its_ends_and_comes_back(model, clips):
    start = {
        "frame": 3,
        "clip": 0,
        "forget": 3,
        "enters": 1,
        "lasts": 3,
        "share": 0.5,
        "baseline": "Kalman",
        "looks": 2,
    }
    assert_every_control_moves_it_and_comes_back(scrubber(model, clips, **start))


def test_both_runs_are_what_the_library_does(model, clips):
    scrubbed = Scrubber(model, clips).look(ScrubState(clip=1, looks=2, occluder=NONE))
    clip = patched(clips[1])
    frames = torch.from_numpy(clip.frames)[None].permute(0, 1, 4, 2, 3).float() / 255
    p = model.preset
    crop = torch.from_numpy(Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix).float()[None]
    for name, temporal in ((WITHOUT, False), (WITH, True)):
        with torch.inference_mode():
            seen = model.clip(frames, crop, 2, temporal=temporal)
        track = np.stack([s.steps[-1].points[0].numpy() for s in seen])
        np.testing.assert_allclose([told.points for told in scrubbed.told[name]], track, atol=1e-3)
        np.testing.assert_allclose(scrubbed.errors[name], nme(track, clip.points), atol=1e-4)
    np.testing.assert_allclose(scrubbed.hidden, [s.state.hidden[0].numpy() for s in seen], atol=1e-4)
    reach = [prior_height(s.prior, s.steps[0].regression, p.size, p.sigma).mean() for s in seen]
    np.testing.assert_allclose(scrubbed.height, reach, rtol=1e-3)


def test_frames_before_the_first_that_changed_are_not_followed_again(model, clips):
    crop = Scrubber(model, clips)
    first = crop.look(ScrubState(**LOOK, occluder=NONE))
    assert first.fresh == 2 * FRAMES
    later = crop.look(ScrubState(**LOOK, occluder=NONE, forget=4))
    assert later.fresh == FRAMES - 4, "frame by frame there is nothing to forget"
    for name in (WITHOUT, WITH):
        assert all(a is b for a, b in zip(first.told[name][:4], later.told[name][:4], strict=True))
    assert later.told[WITH][4] is not first.told[WITH][4] and later.told[WITHOUT][4] is first.told[WITHOUT][4]
    before = Scrubber(model, clips).look(ScrubState(**LOOK, occluder=NONE, forget=4))
    np.testing.assert_array_equal(later.hidden, before.hidden)
    assert crop.look(ScrubState(**LOOK, occluder=NONE, frame=3, point=5, baseline="Kalman")).told is first.told


def test_what_passes_hides_the_face_and_moves_the_answers_of_its_frames(model, clips):
    crop = Scrubber(model, clips)
    bare = crop.look(ScrubState(**LOOK, occluder=NONE))
    hidden = crop.look(ScrubState(**LOOK, occluder="board", share=0.8))
    assert (bare.covered == 0).all() and hidden.covered[2:4] == pytest.approx([0.8, 0.8], abs=0.1)
    for name in (WITHOUT, WITH):
        assert (hidden.told[name][2].points != bare.told[name][2].points).any()


def test_a_state_that_was_dropped_is_a_first_frame(model, clips):
    dropped = Scrubber(model, clips).look(ScrubState(**LOOK, occluder=NONE, forget=4))
    clip, told = dropped.clip, dropped.told[WITH]
    frame = torch.from_numpy(clip.frames[4])[None].permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        afresh = model.frame(frame, told[3].crop, None, 1)
    np.testing.assert_allclose(told[4].hidden, afresh.state.hidden[0].numpy(), atol=1e-5)


def test_a_filter_smooths_the_points_found_without_memory(model, clips):
    scrubbed = Scrubber(model, clips).look(ScrubState(**LOOK, baseline="exponential"))
    smooth, strengths = FILTERS["exponential"]
    track = np.stack([told.points for told in scrubbed.told[WITHOUT]])
    least = min(nme(smooth(track, s), scrubbed.clip.points).mean() for s in strengths)
    assert scrubbed.errors["exponential"].mean() == pytest.approx(least)


def test_one_patch_for_the_whole_clip_and_points_go_along():
    clip = video()
    patch = patched(clip)
    assert patch.frames.shape == (FRAMES, PATCH_SIZE, PATCH_SIZE, 3)
    grown = np.ptp(patch.points[0][:, 0]) / np.ptp(clip.points[0][:, 0])
    np.testing.assert_allclose(patch.points[5] - patch.points[0], grown * (clip.points[5] - clip.points[0]), atol=1e-2)


def test_a_stay_beyond_the_end_is_cut_off(clips):
    clip = disturbed(patched(clips[0]), ScrubState(enters=4, lasts=20))
    assert clip.factors["occluded"][4] > 0.5


@pytest.mark.parametrize("kind", OCCLUDER_KINDS)
def test_covered_hides_points_and_says_how_much(kind):
    clip = patched(video())
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
    live = scrubber(model, clips, frame=2, **LOOK)
    scrubbed = Scrubber(model, clips).look(ScrubState(frame=2, **LOOK))
    here = ", ".join(f"{name} {scrubbed.errors[name][2]:.1%}" for name in (WITHOUT, WITH))
    for words in ("video 0", "frame 2 of 0 to 5", here, "state never dropped", "frames followed anew"):
        assert words in live.line.value
    live.set(forget=3, point=36, baseline="Kalman")
    assert "dropped before frame 3" in live.line.value and "Kalman" in live.line.value
    assert "dropped before frame 3" in live.image.tooltip and "point 36" in live.line.value


def test_a_picture_stands_in_where_no_widget_runs(model, clips):
    live, figure = scrubber(model, clips[0], **LOOK), scrubber_figure(model, clips[0], **LOOK)
    data, metadata = live._repr_mimebundle_()
    assert figure.alt == metadata["image/jpeg"]["alt"] == live.image.tooltip
    shown = cv2.imdecode(np.frombuffer(figure.data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[1] == 1000 and (shown == pixels(live)).all()
    json.dumps(data)


def test_wrong_inputs_are_named(model, clips):
    with pytest.raises(TypeError, match="no control 'hand'"):
        scrubber(model, clips, hand=2)
    with pytest.raises(ValueError, match="frame, enters and forget 0 to 5"):
        scrubber_figure(model, clips, frame=6, enters=0)
    with pytest.raises(ValueError, match="all equally long, got \\[6, 4\\]"):
        scrubber(model, [video(0), video(1, 4)])
    with pytest.raises(ValueError, match="no memory"):
        scrubber(RedNet(TINY), clips)
