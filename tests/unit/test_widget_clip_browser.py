"""The clip browser in the kernel: every control moves the picture, lost frames and unknown numbers do not break it."""

import cv2
import numpy as np
import pytest
from made_steps import shown, tracked_frame

from redn_lib.widgets.clip_browser import clip_browser, draw_frame


@pytest.fixture
def tracked():
    return [tracked_frame(i, lost=i in (3, 4)) for i in range(8)]


def test_line_and_alt_text_say_what_is_seen(tracked):
    live = clip_browser(tracked, {"height": np.arange(8.0)}, frame=2)
    for words in ("frame 2 of 0 to 7", "0.08 s", "confidence 0.60", "height 2.00"):
        assert words in shown(live)["line"]
    assert "68 points" in shown(live)["about"] and "confidence, height" in shown(live)["about"]
    assert live.setup["last"] == 7, "the play button ends there"
    lost = shown(live, frame=3)
    assert "face lost" in lost["line"] and "the face is lost" in lost["about"]
    assert np.isnan(lost["arrays"]["confidence"]).tolist() == [3 <= i <= 4 for i in range(8)]


def test_close_up_holds_the_face_in_the_middle_and_lost_frames_are_whole(tracked):
    here = tracked[5]
    here.image[:] = 40
    middle = np.rint(here.points.mean(0)).astype(int)
    here.image[middle[1] - 2 : middle[1] + 3, middle[0] - 2 : middle[0] + 3] = 255
    panel = draw_frame(here, close=True, points=False, width=200, height=160)
    y, x = np.argwhere(panel[..., 0] > 200).mean(0)
    assert panel.shape == (160, 200, 3) and abs(x - 100) < 20 and abs(y - 80) < 20
    lost = tracked[3]
    whole = draw_frame(lost, close=True, points=True, width=220, height=180)
    expected = cv2.resize(lost.image, (220, 180), interpolation=cv2.INTER_CUBIC)
    assert np.abs(whole.astype(int) - expected).mean() < 3


def test_all_lost_one_frame_and_unknown_numbers_are_drawn(tracked):
    clip_browser([tracked[3], tracked[4]], {"height": np.full(2, np.nan)}).sweep()
    clip_browser(tracked[:1]).sweep()
    gaps = np.where(np.arange(8) % 3 == 0, np.nan, 1.0)
    clip_browser(tracked, {"flat with gaps": gaps}).sweep()


def test_wrong_input_is_named(tracked):
    with pytest.raises(ValueError, match="no frame to show"):
        clip_browser([])
    with pytest.raises(ValueError, match=r"curve 'height' has shape \(3,\), but there are 8 frames"):
        clip_browser(tracked, {"height": np.zeros(3)})
