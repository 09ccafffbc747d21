"""The time scrubber: a clip tracked with memory and without, an occluder that you move over the face. (our choice)"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import torch

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.clip import Clip
from redn_lib.data.occluder import OCCLUDER_KINDS, Occluder, occlude_clip
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.feedback import box_crop, to_crop, to_patch
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
OCCLUDED = 0.5  # from this share of the face on, a frame counts as occluded (our choice)
SIDE, WIDTH = 235, 1000 - 2 * GAP
SPAN = 1.9  # width of a face panel in widths of the face's box
STATE_ROWS, ROW = 40, 2
FACES_KEPT = 400
MAX_ERROR = 0.4  # errors above this are cut off in the chart
COLOURS = {WITHOUT: ORANGE, WITH: BLUE, **dict.fromkeys(FILTERS, PURPLE), TRUST: GREEN, SHARE: BLUE}  # of the curves


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


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """One frame, tracked; without memory there is no `expected`, `trust`, `share` or `state`."""

    points: np.ndarray  # (68, 2) patch pixels
    crop_image: np.ndarray  # (S, S, 3) uint8, of the last step
    maps: np.ndarray  # (68, h, w) of the last step
    next_crop: torch.Tensor  # (1, 2, 3) the next frame's first crop, to patch pixels
    expected: np.ndarray | None = None  # (68, 2) points of the prior, pixels of the last step's crop
    trust: float = 0.0  # how strongly the points of the frame before are drawn into the first z, 0 to 1, mean
    share: float = 0.0  # of the prior in the maps of the last step, 0 to 1, mean over points
    state: MemoryState | None = None  # with which the next frame is tracked


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
    memory: dict[str, np.ndarray]  # by TRUST and SHARE (T,)
    hidden: np.ndarray  # (T, H) state of the LSTM


@widget(play="frame")
def scrubber(model: RedNet, clips: Clip | Sequence[Clip], **start) -> Scene:
    """Controls over the frame shown and over an occluder; the clip is tracked again, with f_tRNN and without, from the
    first frame that changed.

    clips: one or several `Clip`, equally long, frames of any size; their points are what errors are measured against.
    Raises ValueError for clips of different lengths, or a model without f_tRNN.
    """
    tracked = Scrubber(model, [clips] if isinstance(clips, Clip) else clips)
    frames = len(tracked.clips[0])
    ranges = dict.fromkeys(("frame", "enters", "forget"), (0, frames - 1))
    ranges |= {"clip": (0, len(tracked.clips) - 1), "lasts": (1, frames), "steps": (1, model.preset.steps)}
    defaults = {"steps": model.preset.steps, "enters": min(8, frames - 1), "lasts": min(6, frames)}
    return Scene(lambda state: draw_scrubbed(tracked.result(state)), ScrubberState, defaults | start, ranges)


class Scrubber:
    """Tracks clips as a state asks; frames before the first that changed are not tracked again."""

    def __init__(self, model: RedNet, clips: Sequence[Clip]):
        if model.memory is None:
            raise ValueError("the network has no memory (f_tRNN): its preset must have hidden units")
        if len({len(clip) for clip in clips}) != 1:
            lengths = [len(clip) for clip in clips]
            raise ValueError(f"clips must be at least one, all equally long, got {lengths} frames")
        self.model, self.clips, p = model, [cut_clip(clip) for clip in clips], model.preset
        first = [Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix for clip in self.clips]
        crops = torch.as_tensor(np.stack(first), dtype=torch.float32, device=next(model.parameters()).device)
        self.first_crops = crops.split(1)
        self._next, self._computed = lru_cache(FACES_KEPT)(self._track_frame), lru_cache(6)(self._compute)

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
        start, known = time.perf_counter(), self._next.cache_info().misses
        clip = self.clips[state.clip]
        if state.occluder == NONE:
            clip = replace(clip, factors={"occluded": np.zeros(len(clip))} | dict(clip.factors or {}))
        else:
            lasts = min(state.lasts, len(clip) - state.enters)
            clip = occlude_clip(clip, Occluder(state.occluder, state.share, lasts, state.enters, state.direction))
        tracks = {name: self._track(clip, state, name == WITH) for name in (WITHOUT, WITH)}
        ms, computed = 1e3 * (time.perf_counter() - start), self._next.cache_info().misses - known
        errors = {name: nme(np.stack([f.points for f in track]), clip.points) for name, track in tracks.items()}
        trust, share, hidden = zip(*((f.trust, f.share, first_of(f.state.hidden)) for f in tracks[WITH]), strict=True)
        memory = {TRUST: np.array(trust), SHARE: np.array(share)}
        return Scrubbed(state, clip, tracks, errors, ms, computed, clip.factors["occluded"], memory, np.stack(hidden))

    def _track(self, clip: Clip, state: ScrubberState, temporal: bool) -> list[TrackedFace]:
        """All frames; one is known where it and all before it are as they were once."""
        track, crop, memory = [], self.first_crops[state.clip], None
        for t, frame in enumerate(clip.frames):
            before = None if t == state.forget else memory
            track.append(self._next(frame.tobytes(), crop, before, state.steps, temporal))
            crop, memory = track[-1].next_crop, track[-1].state
        return track

    @torch.inference_mode()
    def _track_frame(self, pixels: bytes, crop: torch.Tensor, memory, steps: int, temporal: bool) -> TrackedFace:
        """A frame (PATCH_SIZE, PATCH_SIZE, 3) in its first crop (1, 2, 3), with the memory after the one before."""
        p, image = self.model.preset, np.frombuffer(pixels, np.uint8).reshape(PATCH_SIZE, PATCH_SIZE, 3)
        patch = torch.tensor(image, device=crop.device).permute(2, 0, 1)[None].float() / 255
        output = self.model.frame(patch, crop, memory, steps, temporal=temporal)
        last, prior = output.steps[-1], output.prior
        found = TrackedFace(
            first_of(last.points),
            first_of(last.frame.mul(255).round().byte().permute(0, 2, 3, 1)),
            first_of(last.response_maps.half()),
            box_crop(last.points, crop, p.size, p.first_margin),
        )
        if prior is None:
            return found
        expected = first_of(to_crop(to_patch(prior.points, crop), last.crop))
        trust, share = (float(first_of(numbers).mean()) for numbers in (output.trust, output.joined[-1].share))
        return replace(found, expected=expected, trust=trust, share=share, state=output.state)


def draw_scrubbed(scrubbed: Scrubbed) -> Drawing:
    """All panels in one picture, 1000 pixels wide; the frame, errors here and over the clip, what the memory does."""
    state, t, occluded, errors = scrubbed.state, scrubbed.state.frame, scrubbed.occluded, scrubbed.errors
    about = (
        "Time scrubber: the face with its points, and its response maps, tracked without memory and with it. Below "
        "over time: the frames, the error, the trust in the last points, the share of the prior, the state of the LSTM"
    )
    words = [scrubbed.clip.name, f"frame {t} of 0 to {len(occluded) - 1}", f"{occluded[t]:.0%} of the face occluded"]
    words.append("drawn: " + chosen(state.point)[1] + ("" if state.point == ALL else f", {POINT_NAMES[state.point]}"))
    found = ["error here: " + ", ".join(f"{name} {error[t]:.1%}" for name, error in errors.items())]
    for what, frames in (("while occluded", occluded >= OCCLUDED), ("else", occluded < OCCLUDED)):
        if frames.any():
            found.append(f"{what}: " + " / ".join(f"{error[frames].mean():.1%}" for error in errors.values()))
    memory = [f"{name} {values[t]:.2f}" for name, values in scrubbed.memory.items()]
    memory.append(f"memory cleared before frame {state.forget}" if state.forget else "memory never cleared")
    time = f"{scrubbed.computed} frames tracked again in {scrubbed.ms:.0f} ms"

    def chart(curves: dict[str, np.ndarray], top: float, form: str, height: int) -> np.ndarray:
        return time_chart(curves, COLOURS, t, occluded, (0, top), form, (height, WIDTH), state.forget)

    faces, maps = zip(*(_tracked(scrubbed, name) for name in (WITHOUT, WITH)), strict=True)
    top = min(max(float(np.max(list(errors.values()))), 0.1), MAX_ERROR)
    note = f"% of the eye distance, cut off at {MAX_ERROR:.0%}; grey: share of the face that is occluded"
    error = caption(chart(errors, top, "{:.0%}", 130), "Error", note)
    legend(error, {name if name in (WITH, WITHOUT) else f"{name} filter": COLOURS[name] for name in errors})
    note = "trust: how strongly the last points are drawn into the first z; share: of the prior in the maps; means"
    prior = caption(chart(scrubbed.memory, 1.0, "{:.2g}", 66), "Memory", note)
    legend(prior, {name: COLOURS[name] for name in scrubbed.memory})
    picture = board([faces + maps, [_strip(scrubbed)], [error], [prior], [_units(scrubbed)]], 8)
    return Drawing(picture, about, [words, found, memory], time)


def _tracked(scrubbed: Scrubbed, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The frame around the labelled face, with prediction and labels; the response maps of the last step over its crop,
    with the points of the prior.
    """
    t, (only, _) = scrubbed.state.frame, chosen(scrubbed.state.point)
    face, tracked, error = scrubbed.clip[t], scrubbed.tracks[name][t], scrubbed.errors[name][t]
    zoom = SIDE / SPAN / (face.box[2:] - face.box[:2]).max()
    panel, to_panel = close_up(face.image, face.box, zoom, SIDE, SIDE)
    panel = draw_face(panel, to_panel(tracked.points), truth=to_panel(face.points), only=only)
    key = " · yellow: label" if name == WITH else ""
    panel = caption(panel, name.capitalize(), f"NME {error:.{int(error < 0.1)}%}{key}")

    shown, zoom = tracked.maps.astype(np.float32)[only or slice(None)], SIDE / len(tracked.crop_image)
    maps = fit_into(draw_response_map(tracked.crop_image, shown, zoom=zoom), SIDE, SIDE)
    if tracked.expected is None:
        return panel, caption(maps, f"Maps, {name}", "last step")
    for at in zoomed(tracked.expected, zoom)[only or slice(None)]:
        ring(maps, at, 5 if only else 2, GREEN)
    return panel, caption(maps, f"Maps, {name}", "green: prior")


def _strip(scrubbed: Scrubbed) -> np.ndarray:
    """Every frame, small; a border around the one that is shown."""
    edges, here = columns(len(scrubbed.clip), WIDTH), scrubbed.state.frame
    side = int(np.diff(edges).min())
    out = card(side + 2, WIDTH)
    write(out, "frame", 0, 0, size=12, bold=True)
    write(out, str(here), 0, 16, size=12, colour=QUIET)
    for t, frame in enumerate(scrubbed.clip.frames):
        out[1 : side + 1, edges[t] : edges[t] + side] = fit_into(frame, side, side)
    return cv2.rectangle(out, (edges[here], 0), (edges[here] + side - 1, side + 1), INK, 2)


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
