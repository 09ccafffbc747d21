"""The memory microscope: a clip tracked with memory and without; an occluder is pushed over the face. (our choice)

Its page is memory.js. What passes between the two, beside what page.js says:

setup    clips: their names; limits: of the numbers in the state, by name; occluders, filters: what may be chosen.
request  {state, frame, whole, drag}; `state` has the fields of `ScopeState`; whole: also the arrays of the whole clip;
         drag: only the frame with the occluder, while it is being moved.
answer   {arrays, line, names, ms, computed}; arrays as in `clip_arrays` and `frame_arrays`, names: of the errors' rows.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from IPython.display import Image

from redn_lib.crop import PATCH_SIZE, Crop
from redn_lib.data.clip import Clip
from redn_lib.data.occluder import OCCLUDER_KINDS, SHUTTER, Occluder, Sprite, skin_colour_of, visibility
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.feedback import box_crop, to_patch
from redn_lib.metrics import point_errors
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.temporal import MemoryState
from redn_lib.training.batches import cut_clip
from redn_lib.widgets.disturbed_loop import first_of
from redn_lib.widgets.draw import draw_face, draw_response_map, ring, to_bytes, to_peaks, zoomed
from redn_lib.widgets.figures import curves_over_time, drawn
from redn_lib.widgets.panels import fit_into, side_by_side, stack
from redn_lib.widgets.style import BLUE, GREEN, ORANGE
from redn_lib.widgets.widget import Page, Panel, face_setup, palette, source, still

NONE = "none"
WITHOUT, WITH, HOLD = "no memory", "memory", "hold"
HOLD_SURE = 0.7  # mean confidence from which `hold` takes a frame's points: the best in results/memory.csv
OCCLUDED = 0.5  # from this share of the face on, a frame counts as occluded (our choice)
STATE_ROWS = 40  # units of the LSTM that are shown
FACES_KEPT = 400


@dataclass(frozen=True)
class ScopeState:
    """What the page asks for. The occluder is cut off at the end of the clip."""

    clip: int = 0  # number of the clip
    occluder: str = "hand"  # NONE or one of OCCLUDER_KINDS
    enters: int = 8  # first frame in which it hides its full share of the face
    lasts: int = 6  # for so many frames
    share: float = 0.75  # of the face
    direction: float = 0.0  # degrees in which it moves, 0 to the right, 90 down
    aside: tuple[float, float] = (0.0, 0.0)  # how far right and down of its usual path, in larger sides of the face
    forget: tuple[int, ...] = ()  # the memory is cleared before these frames
    steps: int = 3  # feedback steps a frame
    baseline: str = NONE  # a filter over the points found without memory, one of FILTERS

    @classmethod
    def read(cls, values: Mapping) -> "ScopeState":
        """A state from the page's values. Raises TypeError for an unknown name."""
        return cls(**{**values, "aside": tuple(values["aside"]), "forget": tuple(values["forget"])})


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """One frame, tracked. `arrays`: of the frame, as in `frame_arrays` and `clip_arrays`, and gates: (2, H) forget and
    input gate of the LSTM, 0 to 1; without memory only crops, matrices and maps.
    """

    points: np.ndarray  # (68, 2) patch pixels
    sure: float  # mean confidence
    next_crop: torch.Tensor  # (1, 2, 3) the next frame's first crop, to patch pixels
    state: MemoryState | None  # with which the next frame is tracked
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Tracked:
    """A state computed."""

    state: ScopeState
    clip: Clip  # patches, with the occluder
    occluded: np.ndarray  # (T,) share of the face that is occluded
    places: np.ndarray  # (T, 2) middle of the occluder in patch pixels; the face's middle where there is none
    face: float  # larger side of the face in patch pixels
    tracks: dict[str, list[TrackedFace]]  # a face for each frame, by WITHOUT and WITH
    points: dict[str, np.ndarray]  # (T, 68, 2) patch pixels, by WITHOUT, WITH, HOLD and the baseline's name
    ms: float  # time of the last computation, all tracks together
    computed: int  # frames in that time

    def errors(self) -> dict[str, np.ndarray]:
        """Of each point over the eye distance, (T, 68), by the names of `points`."""
        return {name: point_errors(points, self.clip.points) for name, points in self.points.items()}

    def over_time(self, name: str) -> np.ndarray:
        """An array of the faces that are tracked with memory, (T, ...)."""
        return np.stack([face.arrays[name] for face in self.tracks[WITH]])

    def line(self, t: int) -> str:
        """The frame, its errors and those of the clip, and what the memory does, in words."""
        errors, occluded = {name: error.mean(1) for name, error in self.errors().items()}, self.occluded
        words = [f"{self.clip.name}, frame {t} of 0 to {len(occluded) - 1}", f"{occluded[t]:.0%} of the face occluded"]
        words.append("error here: " + ", ".join(f"{name} {error[t]:.1%}" for name, error in errors.items()))
        for what, frames in (("while occluded", occluded >= OCCLUDED), ("else", occluded < OCCLUDED)):
            if frames.any():
                words.append(f"{what}: " + " / ".join(f"{error[frames].mean():.1%}" for error in errors.values()))
        words.append(f"trust {self.over_time('trust')[t].mean():.2f}")
        words.append(f"share of the prior {self.over_time('share')[t].mean():.2f}")
        words.append("forget gate {:.2f}, input gate {:.2f}".format(*self.over_time("gates")[t].mean(1)))
        cleared = ", ".join(map(str, self.state.forget))
        return " · ".join([*words, f"memory cleared before frame {cleared}" if cleared else "memory never cleared"])


class ClipTracker:
    """Tracks clips as a state asks; frames before the first that changed are not tracked again.

    Raises ValueError for clips of different lengths, or a model without f_tRNN.
    """

    def __init__(self, model: RedNet, clips: Clip | Sequence[Clip]):
        clips = [clips] if isinstance(clips, Clip) else clips
        if model.memory is None:
            raise ValueError("the network has no memory (f_tRNN): its preset must have hidden units")
        if len({len(clip) for clip in clips}) != 1:
            lengths = [len(clip) for clip in clips]
            raise ValueError(f"clips must be at least one, all equally long, got {lengths} frames")
        self.model, self.clips, p, self.frames = model, [cut_clip(clip) for clip in clips], model.preset, len(clips[0])
        first = [Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix for clip in self.clips]
        crops = torch.as_tensor(np.stack(first), dtype=torch.float32, device=next(model.parameters()).device)
        self.first_crops = crops.split(1)
        self.limits = {"clip": (0, len(clips) - 1), "enters": (0, self.frames - 1), "lasts": (1, self.frames)}
        self.limits |= {"share": (0.1, 0.9), "direction": (-180, 180), "steps": (1, p.steps)}
        self._next, self._computed = lru_cache(FACES_KEPT)(self._track_frame), lru_cache(6)(self._compute)

    def checked(self, state: ScopeState) -> ScopeState:
        """The state. Raises ValueError for a number that makes no sense."""
        for name, (low, high) in self.limits.items():
            if not low <= getattr(state, name) <= high:
                raise ValueError(f"{name} must be {low} to {high}, got {getattr(state, name)}")
        return state

    def result(self, state: ScopeState) -> Tracked:
        """The clip as the state asks for; where only the baseline changed, nothing is computed again."""
        base = self._computed(replace(self.checked(state), baseline=NONE))
        if state.baseline == NONE:
            return base
        (smooth, strengths), track = FILTERS[state.baseline], base.points[WITHOUT]
        smoothed = smooth(track, best_strength(smooth, strengths, [track], [base.clip.points]))
        return replace(base, state=state, points=base.points | {f"{state.baseline} filter": smoothed})

    def sprite(self, state: ScopeState) -> Sprite | None:
        """The occluder of a state, on its path."""
        if state.occluder == NONE:
            return None
        clip, lasts = self.clips[state.clip], min(state.lasts, self.frames - state.enters)
        occluder = Occluder(state.occluder, state.share, lasts, state.enters, state.direction)
        rng = np.random.default_rng([0, 15])  # as in `occlude_clip`
        sprite = Sprite(occluder, clip.points, clip.frames[0], skin_colour_of(clip[0]), rng)
        sprite.rest = sprite.rest + sprite.face * np.array(state.aside)
        return sprite

    def _compute(self, state: ScopeState) -> Tracked:
        start, known = time.perf_counter(), self._next.cache_info().misses
        clip, sprite = self.clips[state.clip], self.sprite(state)
        low, high = np.split(np.array([face.box for face in clip]), 2, 1)
        occluded, places, side = np.zeros(len(clip)), (low + high) / 2, float((high - low).max(1).mean())
        if sprite is not None:
            frames, masks = zip(*(sprite.before(frame, t, SHUTTER) for t, frame in enumerate(clip.frames)), strict=True)
            clip, (_, occluded) = replace(clip, frames=np.stack(frames)), visibility(clip.points, masks)
            places = np.stack([sprite.place(t) for t in range(len(clip))])
        tracks, held = self._track(clip, state)
        points = {name: np.stack([face.points for face in track]) for name, track in tracks.items()} | {HOLD: held}
        ms, computed = 1e3 * (time.perf_counter() - start), self._next.cache_info().misses - known
        return Tracked(state, clip, occluded, places, side, tracks, points, ms, computed)

    def _track(self, clip: Clip, state: ScopeState) -> tuple[dict[str, list[TrackedFace]], np.ndarray]:
        """All frames with and without memory, and the points that `hold` keeps; a frame is known where it and all
        before it are as they were once.
        """
        first = self.first_crops[state.clip]
        tracks, held, kept = {WITHOUT: [], WITH: []}, [], None
        for t, frame in enumerate(clip.frames):
            step = partial(self._next, frame.tobytes(), steps=state.steps)
            for name, track in tracks.items():
                before = track[-1].state if track and t not in state.forget else None
                track.append(step(crop=track[-1].next_crop if track else first, memory=before, temporal=name == WITH))
            alone = step(crop=kept.next_crop if kept else first, memory=None, temporal=False)
            kept = alone if kept is None or alone.sure >= HOLD_SURE else kept
            held.append(kept.points)
        return tracks, np.stack(held)

    @torch.inference_mode()
    def _track_frame(self, pixels: bytes, *, crop: torch.Tensor, memory, steps: int, temporal: bool) -> TrackedFace:
        """A frame (PATCH_SIZE, PATCH_SIZE, 3) in its first crop (1, 2, 3), with the memory after the one before."""
        p, image = self.model.preset, np.frombuffer(pixels, np.uint8).reshape(PATCH_SIZE, PATCH_SIZE, 3)
        patch = torch.tensor(image, device=crop.device).permute(2, 0, 1)[None].float() / 255
        lstm, given = self.model.memory.lstm, []
        with lstm.register_forward_pre_hook(lambda _lstm, inputs: given.append(inputs)):
            output = self.model.frame(patch, crop, memory, steps, temporal=temporal)
        last, prior = output.steps[-1], output.prior
        sure = float(confidence(last.response_maps, last.crop_points, p.size).mean())
        image = last.frame.mul(255).round().byte().permute(0, 2, 3, 1)
        arrays = {"crops": image, "matrices": last.crop, "maps": last.response_maps.half()}
        if prior is not None:
            first = output.steps[0].crop
            write, keep, *_ = lstm.gates(*given[0][:2])
            arrays |= {
                "expected": to_patch(prior.points, first),
                "trust": output.trust,
                "share": output.joined[-1].share,
            }
            arrays["reach"] = prior.spread.exp() * p.size * first[:, :, 0].norm(dim=-1)
            arrays["gates"] = torch.stack([keep, write], 1).sigmoid()
        arrays = {name: first_of(values) for name, values in arrays.items()}
        next_crop = box_crop(last.points, crop, p.size, p.first_margin)
        return TrackedFace(first_of(last.points), sure, next_crop, output.state, arrays)


def frame_arrays(tracked: Tracked, t: int) -> dict[str, np.ndarray]:
    """What the page draws of one frame, first without memory, then with it.

    image: (P, P, 3) uint8 RGB, the patch with the occluder.
    crops: (2, S, S, 3) uint8 RGB, of the last step; matrices: (2, 2, 3) float32, their pixels to those of the patch.
    maps: (2, 68, m, m) uint8, each map scaled to its own peak.
    """
    faces = [track[t].arrays for track in tracked.tracks.values()]
    arrays = {name: np.stack([face[name] for face in faces]) for name in ("crops", "matrices", "maps")}
    return arrays | {"image": tracked.clip.frames[t], "maps": to_bytes(to_peaks(np.float32(arrays["maps"])), 1)}


def clip_arrays(tracked: Tracked) -> dict[str, np.ndarray]:
    """What the page draws of the whole clip; float32 and in patch pixels where nothing else is said.

    strip: (T, 32, 32, 3) uint8 RGB, the frames.
    points: (n, T, 68, 2), truth: (T, 68, 2); errors: (n, T, 68) over the eye distance.
    expected: (T, 68, 2), reach: (T, 68); trust, share: (T, 68) from 0 to 1; occluded: (T,) share of the face.
    places: (T, 2); face: (1,).
    rows: (R,) int32, numbers of the units that move most.
    units: (3, R, T) uint8, their forget gate, input gate and state, 0 to 255 for 0 to 1, of the state for -1 to 1.
    """
    hidden = np.stack([first_of(face.state.hidden) for face in tracked.tracks[WITH]])
    rows = np.sort(np.argsort(-hidden.std(0), kind="stable")[:STATE_ROWS])
    units = np.concatenate([tracked.over_time("gates"), (hidden[:, None] + 1) / 2], 1)[..., rows]  # (T, 3, R)
    floats = {name: tracked.over_time(name) for name in ("expected", "reach", "trust", "share")}
    floats |= {"points": np.stack([*tracked.points.values()]), "truth": tracked.clip.points}
    floats |= {"errors": np.stack([*tracked.errors().values()]), "occluded": tracked.occluded}
    floats |= {"places": tracked.places, "face": np.array([tracked.face])}
    arrays = {name: values.astype(np.float32) for name, values in floats.items()}
    arrays |= {"strip": np.stack([fit_into(frame, 32, 32) for frame in tracked.clip.frames])}
    return arrays | {"rows": np.int32(rows), "units": to_bytes(units.transpose(1, 2, 0), 1)}


class MemoryMicroscope(Page):
    """The widget."""

    _esm = source("memory")

    def __init__(self, tracker: ClipTracker, state: ScopeState, frame: int):
        self.tracker = tracker
        setup = {"state": asdict(state), "frame": frame, "frames": tracker.frames, "limits": tracker.limits}
        setup |= {"clips": [clip.name for clip in tracker.clips], "size": tracker.model.preset.size}
        setup |= {"occluders": [NONE, *OCCLUDER_KINDS], "filters": [NONE, *FILTERS], "patch": PATCH_SIZE}
        setup |= face_setup()
        far = np.arange(256) / 127.5 - 1  # from the middle
        setup["palettes"]["signed"] = palette(np.where(far[:, None] > 0, BLUE, ORANGE), 255 * np.abs(far) ** 0.7)
        super().__init__(picture(tracker, state, frame), setup)

    def respond(self, request: Mapping) -> dict:
        """The answer to a request. Raises ValueError or TypeError for one that makes no sense."""
        state, t = ScopeState.read(request["state"]), request.get("frame", 0)
        if request.get("drag"):
            frame = self.tracker.clips[state.clip].frames[t]
            return {"arrays": {"image": self.tracker.sprite(state).before(frame, t, SHUTTER)[0]}}
        tracked = self.tracker.result(state)
        arrays = frame_arrays(tracked, t) | (clip_arrays(tracked) if request.get("whole") else {})
        words = {"line": tracked.line(t), "names": list(tracked.points), "ms": tracked.ms, "computed": tracked.computed}
        return {"arrays": arrays} | words

    def changes(self) -> list[dict]:
        """Requests with each control at its ends."""
        first, ends, T = self.setup["state"], self.tracker.limits.items(), self.tracker.frames
        changes = [{name: value} for name, limits in ends for value in limits]
        changes += [{"occluder": kind} for kind in (NONE, *OCCLUDER_KINDS)] + [{"baseline": name} for name in FILTERS]
        changes += [{"forget": (T - 1,)}, {"aside": (-0.5, 0.5)}, {}]
        return [{"state": first | change, "frame": t % T, "whole": True} for t, change in enumerate(changes)]


def memory_microscope(model: RedNet, clips: Clip | Sequence[Clip], **start) -> MemoryMicroscope:
    """A clip tracked with f_tRNN and without, what opens and closes in between, and an occluder to push over the face.

    clips: one or several `Clip`, equally long, frames of any size; their points are what errors are measured against.
    start: the frame shown first, and fields of `ScopeState`.
    Raises ValueError for clips of different lengths, a model without f_tRNN, or a number that makes no sense; TypeError
    for an unknown field.
    """
    return MemoryMicroscope(*_begin(model, clips, **start))


def _begin(model: RedNet, clips: Clip | Sequence[Clip], frame: int = 0, **start) -> tuple[ClipTracker, ScopeState, int]:
    tracker = ClipTracker(model, clips)
    if not 0 <= frame < tracker.frames:
        raise ValueError(f"frame must be 0 to {tracker.frames - 1}, got {frame}")
    own = {"steps": model.preset.steps, "enters": min(8, tracker.frames - 1), "lasts": min(6, tracker.frames)}
    return tracker, tracker.checked(ScopeState(**own | start)), frame


memory_microscope.figure = lambda *args, **start: picture(*_begin(*args, **start))
"""The first picture with its alt text, for pages where no widget runs; arguments as `memory_microscope`."""


def picture(tracker: ClipTracker, state: ScopeState, t: int) -> Image:
    """Frame t of both tracks with their maps, and the curves over time, with alt text."""
    tracked, side, panels = tracker.result(state), 235, []
    clip, size = tracked.clip, tracker.model.preset.size
    for name, track in tracked.tracks.items():
        face = draw_face(clip.frames[t], track[t].points, truth=clip.points[t], zoom=side / PATCH_SIZE)
        panels.append(Panel(face, name, f"NME {tracked.errors()[name][t].mean():.1%}"))
    for name, track in tracked.tracks.items():
        arrays, zoom = track[t].arrays, side / size
        crop = Crop(arrays["matrices"], size)
        maps = draw_response_map(arrays["crops"], np.float32(arrays["maps"]), zoom=zoom)
        for at, reach in zip(arrays.get("expected", []), arrays.get("reach", []), strict=True):
            ring(maps, zoomed(crop.to_crop(at), zoom), reach / crop.scale * zoom, GREEN)
        panels.append(Panel(maps, f"maps, {name}", "green: prior" * (name == WITH)))
    curves = {"NME, %": {name: 100 * errors.mean(1) for name, errors in tracked.errors().items()}}
    curves["mean of points"] = {name: tracked.over_time(name).mean(1) for name in ("share", "trust")}
    curves["mean of gates"] = dict(zip(("forget", "input"), tracked.over_time("gates").mean(2).T, strict=True))
    about = (
        "Memory microscope: the face with its points, and its response maps, tracked without memory and with it. Below "
        "over time: the error, the share of the prior and the trust in the last points, the gates of the LSTM"
    )
    below = drawn(curves_over_time(curves, tracked.occluded, alt=about))
    return still(stack([side_by_side([panel.still() for panel in panels]), below]), f"{about}; {tracked.line(t)}")
