"""What the code mixer computes: three faces and a state in, a mixed code decoded out. No widgets here."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from redn_lib.data.clip import Face
from redn_lib.experiments.mixes import Decoded, blended, decoded, opened, way
from redn_lib.identity import pooled
from redn_lib.metrics import eye_distance
from redn_lib.pose import pose_of
from redn_lib.rednet import RedNet
from redn_lib.training.batches import cut_patch
from redn_lib.widgets.explorer_view import ALL

ROLES = "ABC"


@dataclass(frozen=True)
class MixState:
    """Where every control stands. a, b, c: the faces by number; identity, changing: shares of B's C_id and C_pe, the
    rest is A's; places, features: one of ROLES, whose places the pools remember and whose features f_REG sees; point: 0
    to 67 or ALL.
    """

    a: int = 0
    b: int = 1
    c: int = 2
    identity: float = 0.0
    changing: float = 1.0
    places: str = "A"
    features: str = "A"
    point: int = ALL


@dataclass(frozen=True)
class Mix:
    """One state computed, ready to draw. By role, "mix" beside ROLES: crop_images (S, S, 3) uint8 RGB (of ROLES), points
    (68, 2) in crop pixels, poses (3,) as `pose_of`, codes (C,) pooled, each channel from 0 to 1 between the least and
    the most of all faces.

    names: of the faces; unlike: how far C_id and C_pe of A and B are apart, 1 where as far as two faces usually;
    detection: (L, h, h) and maps: (L, m, m) of the mix, probabilities; channels: of C_id.
    """

    state: MixState
    names: dict[str, str]
    crop_images: dict[str, np.ndarray]
    points: dict[str, np.ndarray]
    poses: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    unlike: tuple[float, float]
    detection: np.ndarray
    maps: np.ndarray
    channels: int

    @property
    def way(self) -> float:
        """How far the mix's pose has come from that of A's own answer, 0, to that of B's, 1. Not for one face twice."""
        return way(*(torch.from_numpy(self.poses[who])[None] for who in ("mix", "A", "B")))

    def apart(self, who: str) -> float:
        """Mean distance of the mix's points from the own answer for A or B, over its eye distance."""
        own = self.points[who]
        return float(np.linalg.norm(self.points["mix"] - own, axis=-1).mean() / eye_distance(own))


class Mixer:
    """Opens each face once and decodes mixes as a state asks. Raises ValueError for fewer than two faces."""

    def __init__(self, model: RedNet, faces: Sequence[Face]):
        if len(faces) < 2:
            raise ValueError(f"to mix codes takes two faces or more, got {len(faces)}")
        self.model, self.names = model, [face.name or f"face {i}" for i, face in enumerate(faces)]
        self.looks = [opened(model, [cut_patch(face)]) for face in faces]
        self.codes = np.stack([_pooled(look.code) for look in self.looks])
        self.least, self.reach = self.codes.min(0), np.ptp(self.codes, 0) + 1e-6
        self.own = lru_cache(maxsize=None)(self._own)

    def mix(self, state: MixState) -> Mix:
        """Everything about one mix."""
        at = dict(zip(ROLES, (state.a, state.b, state.c), strict=True))
        looks = {who: self.looks[i] for who, i in at.items()}
        channels = self.model.preset.identity_channels
        code = blended(looks["A"].code, looks["B"].code, channels, state.identity, state.changing)
        said = decoded(self.model, code, looks[state.places].places, looks[state.features].features)
        answers = {who: self.own(i) for who, i in at.items()} | {"mix": said}
        codes = {who: look.code for who, look in looks.items()} | {"mix": code}
        return Mix(
            state,
            {who: self.names[i] for who, i in at.items()},
            {who: _picture(look.frames) for who, look in looks.items()},
            {who: _plain(answer.points) for who, answer in answers.items()},
            {who: _plain(pose_of(answer.points)) for who, answer in answers.items()},
            {who: (_pooled(code) - self.least) / self.reach for who, code in codes.items()},
            tuple(self._apart(half, state.a, state.b) for half in (slice(0, channels), slice(channels, None))),
            _plain(said.detection)[1:],
            _plain(said.maps),
            channels,
        )

    def _own(self, i: int) -> Decoded:
        look = self.looks[i]
        return decoded(self.model, look.code, look.places, look.features)

    def _apart(self, half: slice, a: int, b: int) -> float:
        codes = self.codes[:, half]
        usual = np.sqrt(2 * codes.var(0, ddof=1).sum())  # root of the mean square over all pairs
        return float(np.linalg.norm(codes[a] - codes[b]) / max(usual, 1e-6))


def describe(mix: Mix) -> str:
    """The numbers under the controls: what is mixed, how unlike the codes are, where the points go."""
    state = mix.state
    identity, changing = mix.unlike
    parts = [f"A {mix.names['A']}", f"B {mix.names['B']}", f"C {mix.names['C']}"]
    recipe = [f"C_id {state.identity:.0%} of B", f"C_pe {state.changing:.0%} of B"]
    recipe += [f"places of {state.places}", f"features of {state.features}"]
    unlike = f"A and B are {identity:.1f} apart in C_id, {changing:.1f} in C_pe (usual: 1)"
    far = ", ".join(f"{mix.apart(who):.0%} from {who}'s" for who in "AB")
    came = "A and B are one picture" if state.a == state.b else f"pose {round(100 * mix.way)} % of the way from A to B"
    lines = [parts, recipe, [unlike, came, f"points {far} (of the eye distance)"]]
    return "\n".join(" · ".join(line) for line in lines)


def _plain(batch_of_one: torch.Tensor) -> np.ndarray:
    return batch_of_one[0].float().cpu().numpy()


def _pooled(code: torch.Tensor) -> np.ndarray:
    return _plain(pooled(code))


def _picture(frames: torch.Tensor) -> np.ndarray:
    return np.uint8(np.rint(255 * _plain(frames).transpose(1, 2, 0).clip(0, 1)))
