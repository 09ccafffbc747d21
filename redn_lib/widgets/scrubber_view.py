"""What the time scrubber computes: a state in, a clip followed with and without memory out. No widgets here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from redn_lib.crop import Crop
from redn_lib.data.clip import Clip
from redn_lib.data.occluder import OCCLUDER_KINDS, Occluder, occlude_clip
from redn_lib.experiments.filters import FILTERS, best_strength
from redn_lib.feedback import box_crop, to_patch
from redn_lib.landmarks import tight_box
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.temporal import MemoryState, prior_height
from redn_lib.widgets.explorer_view import ALL, point_name

NONE = "none"
OCCLUDERS = (NONE, *OCCLUDER_KINDS)
BASELINES = (NONE, *FILTERS)
WITHOUT, WITH = "no memory", "memory"
HIDDEN = 0.5
"""From this share of the face on, a frame counts as covered (our choice)."""


@dataclass(frozen=True)
class ScrubState:
    """Where every control stands. clip, frame: 0-based; point: 0 to 67 or ALL; looks: K.

    occluder: one of OCCLUDERS; enters, lasts: the frames in which it covers `share` of the face, cut off at the end of
    the clip; direction: degrees in which it moves, 0 to the right, 90 down. forget: before this frame the state is
    dropped, 0: never. baseline: one of BASELINES, a filter on the points found without memory.
    """

    clip: int = 0
    frame: int = 0
    point: int = ALL
    occluder: str = "hand"
    enters: int = 8
    lasts: int = 6
    share: float = 0.75
    direction: int = 0
    forget: int = 0
    looks: int = 3
    baseline: str = NONE


@dataclass(frozen=True)
class Told:
    """One frame followed. points: (68, 2) and expected: (68, 2) or None, in patch pixels; frame: (S, S, 3) uint8, maps:
    (68, h, w), crop: crop to patch pixels, all of the last look; reach: (68,) of what was expected at the first look,
    hidden: (H,), both None without memory; state, crop: with which the next frame is met.
    """

    points: np.ndarray
    expected: np.ndarray | None
    frame: np.ndarray
    maps: np.ndarray
    crop: Crop
    reach: np.ndarray | None
    hidden: np.ndarray | None
    state: MemoryState | None
    crop: torch.Tensor


@dataclass(frozen=True)
class Scrubbed:
    """A state computed, ready to draw. clip: patches, with the occluder; told: a `Told` for each frame, by WITHOUT and
    WITH; errors: NME (T,), by these and the baseline's name; ms, fresh: how long the last computation took, and for how
    many frames, both runs together.
    """

    state: ScrubState
    clip: Clip
    told: dict[str, list[Told]]
    errors: dict[str, np.ndarray]
    ms: float
    fresh: int

    @property
    def covered(self) -> np.ndarray:
        """Share of the face that is covered: (T,)."""
        return self.clip.factors["occluded"]

    @property
    def reach(self) -> np.ndarray:
        """How far the memory reached at the first look, in logits, mean over points: (T,)."""
        return np.array([told.height.mean() for told in self.told[WITH]])

    @property
    def hidden(self) -> np.ndarray:
        """MemoryState of the LSTM: (T, H)."""
        return np.stack([told.hidden for told in self.told[WITH]])


class Scrubber:
    """Follows clips as a state asks, and remembers the last few; frames before the first that changed are not followed
    again.

    Raises ValueError for a model without memory, no clips, or clips of different lengths.
    """

    def __init__(self, model: RedNet, clips: Sequence[Clip]):
        if model.memory is None:
            raise ValueError("the network has no memory (f_tRNN): its preset must have hidden units")
        if not clips or len({len(clip) for clip in clips}) > 1:
            raise ValueError(
                f"clips must be at least one, all equally long, got {[len(clip) for clip in clips]} frames"
            )
        self.model, self.clips = model, [patched(clip) for clip in clips]
        self._kept: dict[tuple[int, int, bool], tuple[np.ndarray, int, list[Told]]] = {}
        self._result = lru_cache(maxsize=6)(self._followed)

    def look(self, state: ScrubState) -> Scrubbed:
        """The clip as the state asks for; where only frame, point or baseline moved, nothing is computed again."""
        base = self._result(replace(state, frame=0, point=ALL, baseline=NONE))
        errors = dict(base.errors)
        if state.baseline != NONE:
            smooth, strengths = FILTERS[state.baseline]
            track = np.stack([told.points for told in base.told[WITHOUT]])
            strength = best_strength(smooth, strengths, [track], [base.clip.points])
            errors[state.baseline] = nme(smooth(track, strength), base.clip.points)
        return replace(base, state=state, errors=errors)

    def _followed(self, state: ScrubState) -> Scrubbed:
        start = time.perf_counter()
        clip = disturbed(self.clips[state.clip], state)
        told, fresh = {}, 0
        for name, temporal in ((WITHOUT, False), (WITH, True)):
            told[name], done = self._follow(clip, state, temporal)
            fresh += done
        errors = {name: nme(np.stack([t.points for t in run]), clip.points) for name, run in told.items()}
        return Scrubbed(state, clip, told, errors, 1e3 * (time.perf_counter() - start), fresh)

    @torch.inference_mode()
    def _follow(self, clip: Clip, state: ScrubState, temporal: bool) -> tuple[list[Told], int]:
        key, forget = (state.clip, state.looks, temporal), state.forget if temporal else 0
        frames, before, told = self._kept.get(key, (clip.frames, forget, []))
        changed = [t for t in range(len(told)) if (frames[t] != clip.frames[t]).any()]
        if before != forget:
            changed += [t for t in (before, forget) if t]
        told = told[: min(changed, default=len(told))]
        for t in range(known := len(told), len(clip)):
            told.append(self._tell(clip, t, told, state.looks, temporal, forget))
        self._kept[key] = clip.frames, forget, told
        return told, len(clip) - known

    def _tell(self, clip: Clip, t: int, told: list[Told], looks: int, temporal: bool, forget: int) -> Told:
        p, device = self.model.preset, next(self.model.parameters()).device
        if told:
            crop, state = told[-1].crop, None if t and t == forget else told[-1].state
        else:
            first = Crop.around(clip[0].box, margin=p.first_margin, size=p.size).matrix
            crop, state = torch.as_tensor(first, dtype=torch.float32, device=device)[None], None
        patch = torch.from_numpy(clip.frames[t]).to(device).permute(2, 0, 1)[None].float() / 255
        seen = self.model.frame(patch, crop, state, looks, temporal=temporal)
        first, last, prior = seen.steps[0], seen.steps[-1], seen.prior
        reach = None if prior is None else prior_height(prior, first.regression, p.size, p.sigma)
        return Told(
            last.points[0].cpu().numpy(),
            None if prior is None else to_patch(prior.points, crop)[0].cpu().numpy(),
            last.frame[0].mul(255).round().byte().permute(1, 2, 0).cpu().numpy(),
            last.response_maps[0].half().cpu().numpy(),
            Crop(last.crop[0].cpu().double().numpy(), p.size),
            None if reach is None else reach[0].cpu().numpy(),
            None if seen.state is None else seen.state.hidden[0].cpu().numpy(),
            seen.state,
            box_crop(last.points, crop, p.size, p.first_margin),
        )


def patched(clip: Clip) -> Clip:
    """The clip in one square patch around all its points, the same place in every frame."""
    crop = Crop.around(tight_box(clip.points.reshape(-1, 2)))
    frames = np.stack([crop.take(frame) for frame in clip.frames])
    return replace(clip, frames=frames, points=crop.to_crop(clip.points).astype(np.float32))


def disturbed(clip: Clip, state: ScrubState) -> Clip:
    """The clip with the state's occluder before the face; factors["occluded"] is there in any case."""
    if state.occluder == NONE:
        return replace(clip, factors={"occluded": np.zeros(len(clip))} | dict(clip.factors or {}))
    lasts = min(state.lasts, len(clip) - state.enters)
    return occlude_clip(clip, Occluder(state.occluder, state.share, lasts, state.enters, state.direction))


def describe(scrubbed: Scrubbed) -> str:
    """The numbers under the controls: where we are; errors here and over the clip; what the memory does."""
    state, t, covers = scrubbed.state, scrubbed.state.frame, scrubbed.covered
    words = [scrubbed.clip.name, f"frame {t} of 0 to {len(covers) - 1}", f"{covers[t]:.0%} of the face covered"]
    words.append("what is drawn: all points" if state.point == ALL else f"what is drawn: {point_name(state.point)}")
    here = "error here: " + ", ".join(f"{name} {errors[t]:.1%}" for name, errors in scrubbed.errors.items())
    lines = [words, [here, *(f"{what}: {numbers}" for what, numbers in spans(scrubbed).items())]]
    carried = [f"the memory reaches {scrubbed.height[t]:.1f}"]
    carried.append(f"state dropped before frame {state.forget}" if state.forget else "state never dropped")
    carried.append(f"{scrubbed.fresh} frames followed anew in {scrubbed.ms:.0f} ms")
    return "\n".join(" · ".join(line) for line in [*lines, carried])


def spans(scrubbed: Scrubbed) -> dict[str, str]:
    """Mean errors of frames that are covered by HIDDEN or more, and of the others."""
    deep = scrubbed.covered >= HIDDEN
    return {
        what: " / ".join(f"{errors[which].mean():.1%}" for errors in scrubbed.errors.values())
        for what, which in (("while covered", deep), ("else", ~deep))
        if which.any()
    }
