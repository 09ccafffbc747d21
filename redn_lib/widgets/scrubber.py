"""The time scrubber: a clip tracked with memory and without, and an occluder that you move over the face. (our choice)

scrubber(model, clips)                    # in a notebook, with a kernel: controls and a live picture
scrubber.figure(model, clips, share=0.3)  # the same picture without widgets
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import torch

from redn_lib.crop import Crop
from redn_lib.data.clip import Clip
from redn_lib.data.occluder import OCCLUDER_KINDS, Occluder, occlude_clip
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.feedback import box_crop, to_patch
from redn_lib.landmarks import POINT_NAMES
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.temporal import MemoryState
from redn_lib.training.batches import cut_clip
from redn_lib.widgets.disturbed_loop import first_of
from redn_lib.widgets.draw import close_up, draw_face, draw_response_map, ring, zoomed
from redn_lib.widgets.panels import GAP, board, caption, card, columns, fit_into, legend, time_chart, write
from redn_lib.widgets.style import BLUE, CARD, GREEN, INK, ORANGE, PURPLE, QUIET
from redn_lib.widgets.widget import ALL, POINTS, Drawing, Scene, chosen, setting, widget

NONE = "none"
WITHOUT, WITH = "no memory", "memory"
TRUST, SHARE = "trust", "share of the prior"
OCCLUDED = 0.5
"""From this share of the face on, a frame counts as occluded (our choice)."""

SIDE = 235
SPAN = 1.9
"""Width of a face panel in widths of the face's box."""

WIDTH = 1000 - 2 * GAP
STATE_ROWS, ROW = 40, 2
FACES_KEPT = 400
MAX_ERROR = 0.4
"""Errors above this are cut off in the chart."""

COLOURS = {WITHOUT: ORANGE, WITH: BLUE, **dict.fromkeys(FILTERS, PURPLE), TRUST: GREEN, SHARE: BLUE}
"""Of the curves."""


@dataclass(frozen=True)
class ScrubberState:
    """Where every control stands. The occluder is cut off at the end of the clip."""

    frame: int = setting(0, "frame", "number of the frame that is shown", (0, 0))
    clip: int = setting(0, "clip", "number of the clip", (0, 0), on_release=True)
    point: int | str = setting(ALL, "point", "one of the 68 points, or all", options=POINTS)
    occluder: str = setting("hand", "occluder", "passes the face", options=(NONE, *OCCLUDER_KINDS), on_release=True)
    enters: int = setting(8, "from frame", "first frame with the full share", (0, 0), on_release=True)
    lasts: int = setting(6, "frames long", "how long it stays", (1, 1), on_release=True)
    share: float = setting(0.75, "occluded", "of the face", (0.1, 0.9), step=0.05, form=".0%", on_release=True)
    direction: int = setting(0, "moves (°)", "0: right, 90: down", (-180, 180), step=15, on_release=True)
    forget: int = setting(0, "forget before", "clears the memory before this frame, 0: never", (0, 0), on_release=True)
    steps: int = setting(3, "steps", "feedback steps a frame", (1, 1), on_release=True)
    baseline: str = setting(NONE, "filter", "smooths the points found without memory", options=(NONE, *FILTERS))


@dataclass(frozen=True)
class TrackedFace:
    """One frame, tracked; `expected`, `trust`, `share` and `hidden` are None without memory."""

    points: np.ndarray  # (68, 2) patch pixels
    expected: np.ndarray | None  # (68, 2) points of the prior, patch pixels
    crop_image: np.ndarray  # (S, S, 3) uint8, of the last step
    maps: np.ndarray  # (68, h, w) of the last step
    crop: Crop  # of the last step, crop pixels to patch pixels
    trust: np.ndarray | None  # (68,) how strongly each point of the frame before is drawn into the first z, 0 to 1
    share: np.ndarray | None  # (68,) of the prior in the maps of the last step, 0 to 1
    hidden: np.ndarray | None  # (H,) of the LSTM
    state: MemoryState | None  # with which the next frame is tracked
    next_crop: torch.Tensor  # (1, 2, 3) the next frame's first crop


@dataclass(frozen=True)
class Scrubbed:
    """A state computed, ready to draw."""

    state: ScrubberState
    clip: Clip  # patches, with the occluder
    tracks: dict[str, list[TrackedFace]]  # a face for each frame, by WITHOUT and WITH
    errors: dict[str, np.ndarray]  # NME (T,), by these and the baseline's name
    ms: float  # time of the last computation, both tracks together
    computed: int  # frames in that time
    occluded: np.ndarray  # (T,) share of the face that is occluded
    memory: dict[str, np.ndarray]  # by TRUST and SHARE (T,), mean over points
    hidden: np.ndarray  # (T, H) state of the LSTM


@widget(play="frame")
def scrubber(model: RedNet, clips: Clip | Sequence[Clip], **start) -> Scene:
    """Controls over the frame shown and over an occluder; the clip is tracked again, with f_tRNN and without, from the
    first frame that changed.

    clips: one or several `Clip`, equally long, frames of any size; their points are what errors are measured against.
    start: where controls begin, by the names of `ScrubberState`. Raises TypeError for an unknown one, ValueError for
    clips that do not fit, a start outside the controls, or a model without f_tRNN.
    """
    tracked = Scrubber(model, [clips] if isinstance(clips, Clip) else clips)
    frames = len(tracked.clips[0])
    ranges = dict.fromkeys(("frame", "enters", "forget"), (0, frames - 1))
    ranges |= {"clip": (0, len(tracked.clips) - 1), "lasts": (1, frames), "steps": (1, model.preset.steps)}
    about = (
        "Time scrubber: the face with its points, and its response maps, tracked without memory and with it. Below "
        "over time: the frames, the error, the trust in the last points, the share of the prior, the state of the LSTM"
    )
    defaults = {"steps": model.preset.steps, "enters": min(8, frames - 1), "lasts": min(6, frames)}

    def draw(state: ScrubberState) -> Drawing:
        scrubbed = tracked.result(state)
        time = f"{scrubbed.computed} frames tracked again in {scrubbed.ms:.0f} ms"
        return Drawing(compose(scrubbed), about, numbers(scrubbed), time)

    return Scene(draw, ScrubberState, defaults | start, ranges)


class Scrubber:
    """Tracks clips as a state asks, and remembers the last few; frames before the first that changed are not tracked
    again. Raises ValueError for a model without memory, no clips, or clips of different lengths.
    """

    def __init__(self, model: RedNet, clips: Sequence[Clip]):
        if model.memory is None:
            raise ValueError("the network has no memory (f_tRNN): its preset must have hidden units")
        if not clips or len({len(clip) for clip in clips}) > 1:
            lengths = [len(clip) for clip in clips]
            raise ValueError(f"clips must be at least one, all equally long, got {lengths} frames")
        self.model, self.clips = model, [cut_clip(clip) for clip in clips]
        self._kept: dict[int, TrackedFace] = {}
        self._computed = lru_cache(maxsize=6)(self._compute)

    def result(self, state: ScrubberState) -> Scrubbed:
        """The clip as the state asks for; where only frame, point or baseline moved, nothing is computed again."""
        base = self._computed(replace(state, frame=0, point=ALL, baseline=NONE))
        errors = dict(base.errors)
        if state.baseline != NONE:
            smooth, strengths = FILTERS[state.baseline]
            track = np.stack([face.points for face in base.tracks[WITHOUT]])
            strength = best_strength(smooth, strengths, [track], [base.clip.points])
            errors[state.baseline] = nme(smooth(track, strength), base.clip.points)
        return replace(base, state=state, errors=errors)

    def _compute(self, state: ScrubberState) -> Scrubbed:
        start, self._new = time.perf_counter(), 0
        clip = occluded_clip(self.clips[state.clip], state)
        tracks = {name: self._track(clip, state, name == WITH) for name in (WITHOUT, WITH)}
        errors = {name: nme(np.stack([f.points for f in track]), clip.points) for name, track in tracks.items()}
        memory = {TRUST: [face.trust for face in tracks[WITH]], SHARE: [face.share for face in tracks[WITH]]}
        memory = {name: np.mean(values, 1) for name, values in memory.items()}
        hidden = np.stack([face.hidden for face in tracks[WITH]])
        ms, new = 1e3 * (time.perf_counter() - start), self._new
        return Scrubbed(state, clip, tracks, errors, ms, new, clip.factors["occluded"], memory, hidden)

    def _track(self, clip: Clip, state: ScrubberState, temporal: bool) -> list[TrackedFace]:
        """All frames; one is known where it and all before it are as they were once."""
        track, key = [], hash((state.clip, state.steps, temporal))
        for t, frame in enumerate(clip.frames):
            forget = temporal and t > 0 and t == state.forget
            key = hash((key, frame.tobytes(), forget))
            if key not in self._kept:
                self._kept[key] = self._next(clip, track, state.steps, temporal, forget)
                self._new += 1
            track.append(self._kept[key])
        for key in list(self._kept)[:-FACES_KEPT]:
            del self._kept[key]
        return track

    @torch.inference_mode()
    def _next(self, clip: Clip, track: list[TrackedFace], steps: int, temporal: bool, forget: bool) -> TrackedFace:
        """The frame after those of a track."""
        p, device = self.model.preset, next(self.model.parameters()).device
        if track:
            crop, state = track[-1].next_crop, None if forget else track[-1].state
        else:
            first = Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix
            crop, state = torch.as_tensor(first, dtype=torch.float32, device=device)[None], None
        patch = torch.from_numpy(clip.frames[len(track)]).to(device).permute(2, 0, 1)[None].float() / 255
        output = self.model.frame(patch, crop, state, steps, temporal=temporal)
        last, prior, memory = output.steps[-1], output.prior, output.state
        return TrackedFace(
            first_of(last.points),
            None if prior is None else first_of(to_patch(prior.points, crop)),
            first_of(last.frame.mul(255).round().byte().permute(0, 2, 3, 1)),
            first_of(last.response_maps.half()),
            Crop(first_of(last.crop.double()), p.size),
            None if prior is None else first_of(output.trust),
            None if prior is None else first_of(output.joined[-1].share),
            None if memory is None else first_of(memory.hidden),
            memory,
            box_crop(last.points, crop, p.size, p.first_margin),
        )


def occluded_clip(clip: Clip, state: ScrubberState) -> Clip:
    """The clip with the state's occluder; factors["occluded"] is there in any case."""
    if state.occluder == NONE:
        return replace(clip, factors={"occluded": np.zeros(len(clip))} | dict(clip.factors or {}))
    lasts = min(state.lasts, len(clip) - state.enters)
    return occlude_clip(clip, Occluder(state.occluder, state.share, lasts, state.enters, state.direction))


def numbers(scrubbed: Scrubbed) -> list[list[str]]:
    """The frame; errors here and over the clip; what the memory does."""
    state, t, occluded = scrubbed.state, scrubbed.state.frame, scrubbed.occluded
    words = [scrubbed.clip.name, f"frame {t} of 0 to {len(occluded) - 1}", f"{occluded[t]:.0%} of the face occluded"]
    drawn = chosen(state.point)[1] + ("" if state.point == ALL else f", {POINT_NAMES[state.point]}")
    words.append(f"drawn: {drawn}")
    errors = ["error here: " + ", ".join(f"{name} {error[t]:.1%}" for name, error in scrubbed.errors.items())]
    deep = occluded >= OCCLUDED
    for what, frames in (("while occluded", deep), ("else", ~deep)):
        if frames.any():
            errors.append(f"{what}: " + " / ".join(f"{error[frames].mean():.1%}" for error in scrubbed.errors.values()))
    memory = [f"{name} {values[t]:.2f}" for name, values in scrubbed.memory.items()]
    memory.append(f"memory cleared before frame {state.forget}" if state.forget else "memory never cleared")
    return [words, errors, memory]


def compose(scrubbed: Scrubbed) -> np.ndarray:
    """All panels in one picture (H, 1000, 3) uint8 RGB."""
    errors = scrubbed.errors
    faces = [_face(scrubbed, name) for name in (WITHOUT, WITH)] + [_maps(scrubbed, name) for name in (WITHOUT, WITH)]
    top = min(max(float(np.max(list(errors.values()))), 0.1), MAX_ERROR)
    note = f"% of the eye distance, cut off at {MAX_ERROR:.0%}; grey: share of the face that is occluded"
    marks = {name if name in (WITH, WITHOUT) else f"{name} filter": COLOURS[name] for name in errors}
    error = legend(caption(_chart(scrubbed, errors, top, "{:.0%}", 130), "Error", note), marks)
    note = "trust: how strongly the last points are drawn into the first z; share: of the prior in the maps; means"
    marks = {name: COLOURS[name] for name in scrubbed.memory}
    prior = legend(caption(_chart(scrubbed, scrubbed.memory, 1.0, "{:.2g}", 66), "Memory", note), marks)
    return board([faces, [_strip(scrubbed)], [error], [prior], [_units(scrubbed)]], 8)


def _chart(scrubbed: Scrubbed, curves: dict[str, np.ndarray], top: float, form: str, height: int) -> np.ndarray:
    state, size = scrubbed.state, (height, WIDTH)
    return time_chart(curves, COLOURS, state.frame, scrubbed.occluded, (0, top), form, size, state.forget)


def _face(scrubbed: Scrubbed, name: str) -> np.ndarray:
    """The frame around the labelled face, with the predicted points and the labels."""
    t = scrubbed.state.frame
    face, tracked, error = scrubbed.clip[t], scrubbed.tracks[name][t], scrubbed.errors[name][t]
    zoom = SIDE / SPAN / (face.box[2:] - face.box[:2]).max()
    panel, to_panel = close_up(face.image, face.box, zoom, SIDE, SIDE)
    only = chosen(scrubbed.state.point)[0]
    panel = draw_face(panel, to_panel(tracked.points), truth=to_panel(face.points), only=only)
    key = " · yellow: label" if name == WITH else ""
    return caption(panel, name.capitalize(), f"NME {error:.{int(error < 0.1)}%}{key}")


def _maps(scrubbed: Scrubbed, name: str) -> np.ndarray:
    """Crop and response maps of the last step; green: the points of the prior."""
    tracked, (only, _) = scrubbed.tracks[name][scrubbed.state.frame], chosen(scrubbed.state.point)
    maps, zoom = tracked.maps.astype(np.float32), SIDE / len(tracked.crop_image)
    panel = draw_response_map(tracked.crop_image, maps if only is None else maps[only[0]], zoom=zoom)
    panel = fit_into(panel, SIDE, SIDE)
    if tracked.expected is None:
        return caption(panel, f"Maps, {name}", "last step")
    at = zoomed(tracked.crop.to_crop(tracked.expected), zoom)
    for i in only or range(len(at)):
        ring(panel, at[i], 5 if only else 2, GREEN)
    return caption(panel, f"Maps, {name}", "green: prior")


def _strip(scrubbed: Scrubbed) -> np.ndarray:
    """Every frame, small; a border around the one that is shown."""
    edges, here = columns(len(scrubbed.clip), WIDTH), scrubbed.state.frame
    side = int(np.diff(edges).min())
    out = card(side + 2, WIDTH)
    write(out, "frame", 0, 0, size=12, bold=True)
    write(out, str(here), 0, 16, size=12, colour=QUIET)
    for t, frame in enumerate(scrubbed.clip.frames):
        out[1 : side + 1, edges[t] : edges[t] + side] = fit_into(frame, side, side)
    cv2.rectangle(out, (edges[here], 0), (edges[here] + side - 1, side + 1), INK, 2)
    return out


def _units(scrubbed: Scrubbed) -> np.ndarray:
    """The units of the LSTM that move most, a row each, in their order."""
    hidden, edges, here = scrubbed.hidden, columns(len(scrubbed.clip), WIDTH), scrubbed.state.frame
    rows = np.sort(np.argsort(-hidden.std(0), kind="stable")[:STATE_ROWS])
    values = hidden[:, rows].T[..., None]  # (rows, T, 1)
    sign = np.where(values > 0, np.array(BLUE), np.array(ORANGE))
    colours = np.uint8(np.array(CARD) + np.abs(values).clip(0, 1) ** 0.7 * (sign - np.array(CARD)))
    out = card(ROW * len(rows), WIDTH)
    out[:, edges[0] : edges[-1]] = colours.repeat(ROW, 0).repeat(np.diff(edges), 1)
    cv2.rectangle(out, (edges[here], 0), (edges[here + 1] - 1, len(out) - 1), INK, 1)
    note = f"the {len(rows)} of {hidden.shape[1]} units that move most; blue above 0, orange below"
    return caption(out, "State of the LSTM", note)
