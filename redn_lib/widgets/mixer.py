"""The code mixer: the identity code of one face with the pose/expression code of another, decoded. (our choice)"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch

from redn_lib.data.clip import Face
from redn_lib.experiments.mixes import Decoded, Encoded, blended, decoded, encode, way
from redn_lib.identity import pooled, pose_of
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.training.batches import cut_patch
from redn_lib.widgets.disturbed_loop import first_of, subjects_of
from redn_lib.widgets.draw import colour_map, draw_face, draw_response_map, enlarge, strokes, zoomed
from redn_lib.widgets.style import ANSWER, GREEN, ORANGE, QUIET
from redn_lib.widgets.widget import ALL, POINTS, Drawing, Panel, Row, Scene, chosen, setting, widget

ROLES = "ABC"
HALVES = "C_id", "C_pe"
SIDE = 186
COLOURS = {"A": GREEN, "B": ORANGE, "C": QUIET, "mix": ANSWER}
POSES = "turn right", "nod down", "mouth open"  # of `pose_of`


@dataclass(frozen=True)
class MixerState:
    """Where every control stands."""

    a: int = setting(0, "face A", "gives what B does not", (0, 0))
    b: int = setting(1, "face B", "gives the shares below", (0, 0))
    c: int = setting(2, "face C", "a third face, for places or features", (0, 0))
    identity: float = setting(0.0, "C_id from B", "share of B's identity code", (0, 1), step=0.1, form=".0%")
    changing: float = setting(1.0, "C_pe from B", "share of B's pose/expression code", (0, 1), step=0.1, form=".0%")
    point: int | str = setting(ALL, "point", "one of the 68 points, or all", options=POINTS)
    places: str = setting("A", "places of", "whose places the pools remember", options=tuple(ROLES))
    features: str = setting("A", "features of", "whose features f_REG sees", options=tuple(ROLES))


class Part(NamedTuple):
    """A face, or the mix, decoded."""

    name: str
    crop_image: np.ndarray  # (S, S, 3) uint8 RGB; of the mix: that of A
    points: np.ndarray  # (68, 2) crop pixels
    pose: np.ndarray  # (3,) as `pose_of`
    code: np.ndarray  # (C,) pooled, each channel from 0 to 1 between the least and the most of all faces


@dataclass(frozen=True)
class Mix:
    """One state computed, ready to draw."""

    state: MixerState
    parts: dict[str, Part]  # by role, "mix" beside ROLES
    distances: list[float]  # of C_id and of C_pe of A and B, 1: as far apart as two faces usually are
    detection: np.ndarray  # (L, h, h) probabilities of the mix
    maps: np.ndarray  # (L, m, m) probabilities of the mix
    changed: np.ndarray  # (h, w) how far the code is from that of A, mean over channels
    halves: tuple[slice, slice]  # channels of C_id and of C_pe
    way: float  # how far the mix's pose has come from that of A, 0, to that of B, 1; undefined where they are one face


@widget
def code_mixer(model: RedNet, faces: Sequence, boxes=None, **start) -> Scene:
    """Controls over which of the faces are A, B and C, and what of each is decoded by the model's first step.

    faces, boxes: as `subjects_of` takes them, so also images (H, W, 3) uint8 RGB of your own with boxes (N, 4).
    Raises ValueError for fewer than two faces.
    """
    subjects = subjects_of(model, faces, boxes)
    mixer, last = Mixer(model, [Face(s.image, s.goal, "", s.name) for s in subjects]), len(subjects) - 1
    start = MixerState(**{"c": min(2, last)} | start)
    return Scene(lambda state: draw_mix(mixer.mix(state)), start, **dict.fromkeys("abc", (0, last)))


class Mixer:
    """Encodes each face once and decodes mixes as a state asks. Raises ValueError for fewer than two faces."""

    def __init__(self, model: RedNet, faces: Sequence[Face]):
        if len(faces) < 2:
            raise ValueError(f"to mix codes takes two faces or more, got {len(faces)}")
        self.model, self.encoded = model, [encode(model, [cut_patch(face)]) for face in faces]
        self.codes = np.stack([first_of(pooled(e.code)) for e in self.encoded])
        self.faces = [
            self._part(face.name or f"face {i}", e, e.code, decoded(model, e.code, e.places, e.features))
            for i, (face, e) in enumerate(zip(faces, self.encoded, strict=True))
        ]

    def mix(self, state: MixerState) -> Mix:
        """Everything about one mix."""
        at = dict(zip(ROLES, (state.a, state.b, state.c), strict=True))
        of, channels = {who: self.encoded[i] for who, i in at.items()}, self.model.preset.identity_channels
        code = blended(of["A"].code, of["B"].code, channels, state.identity, state.changing)
        mixed = decoded(self.model, code, of[state.places].places, of[state.features].features)
        parts = {who: self.faces[i] for who, i in at.items()} | {"mix": self._part("mix", of["A"], code, mixed)}
        halves = slice(0, channels), slice(channels, None)
        apart = np.square(self.codes[state.a] - self.codes[state.b])
        usual = 2 * self.codes.var(0, ddof=1)  # the mean square over all pairs
        distances = [float(np.sqrt(apart[half].sum() / max(usual[half].sum(), 1e-12))) for half in halves]
        come = way(*(torch.from_numpy(parts[who].pose)[None] for who in ("mix", "A", "B")))
        maps = first_of(mixed.detection)[1:], first_of(mixed.maps), first_of((code - of["A"].code).abs().mean(1))
        return Mix(state, parts, distances, *maps, halves, come)

    def _part(self, name: str, encoded: Encoded, code: torch.Tensor, found: Decoded) -> Part:
        image = np.uint8(np.rint(255 * first_of(encoded.frames).transpose(1, 2, 0).clip(0, 1)))
        share = (first_of(pooled(code)) - self.codes.min(0)) / (np.ptp(self.codes, 0) + 1e-6)
        return Part(name, image, first_of(found.points), first_of(pose_of(found.points)), share)


def draw_mix(mix: Mix) -> Drawing:
    """All panels of one mix; what is mixed, how far the codes are apart, where the points go."""
    about = (
        "Code mixer. Above: faces A, B and C with their own points, A with a glow where the code was changed, and the "
        "codes of A, mix and B as stripes. Below: detection and response maps of the mix; its points with those of A "
        "and B; turn, nod and mouth of the three on a line each"
    )
    state, (only, what), (identity, changing) = mix.state, chosen(mix.state.point), mix.distances
    recipe = [f"C_id {state.identity:.0%} of B", f"C_pe {state.changing:.0%} of B"]
    recipe += [f"places of {state.places}", f"features of {state.features}", f"maps of {what}"]
    far = f"distance of A and B {identity:.1f} in C_id, {changing:.1f} in C_pe (usual: 1)"
    came = "A and B are one image" if state.a == state.b else f"pose {round(100 * mix.way)} % of the way from A to B"
    points = ", ".join(f"{nme(mix.parts['mix'].points, mix.parts[who].points):.0%} from {who}'s" for who in "AB")
    numbers = [[f"{who} {mix.parts[who].name}" for who in ROLES], recipe]
    numbers.append([far, came, f"points {points} (of the eye distance)"])

    crop = mix.parts["A"].crop_image
    black, zoom = np.zeros_like(crop), SIDE / len(crop)
    detection, maps = (draw_response_map(black, m[only or slice(None)], zoom=zoom) for m in (mix.detection, mix.maps))
    maps = draw_face(maps, zoomed(mix.parts["mix"].points, zoom), only=only, lines=False)
    upper = []
    for who in ROLES:
        face = enlarge(mix.parts[who].crop_image, zoom)
        strokes(face, zoomed(mix.parts[who].points, zoom), COLOURS[who])
        cv2.rectangle(face, (0, 0), (face.shape[1] - 1, face.shape[0] - 1), COLOURS[who], 4)
        upper.append(Panel(face, who, _gives(state, who)))
    glow = draw_response_map(crop, mix.changed, zoom=zoom) if mix.changed.any() else enlarge(crop, zoom)
    outlines = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for who, width in (("mix", 3), ("A", 1), ("B", 1)):
        strokes(outlines, zoomed(mix.parts[who].points, zoom), COLOURS[who], width)
    upper += [Panel(glow, "Changed", "code is not A's"), Panel(_stripes(mix), "Codes", "C_id, below C_pe")]
    poses = []
    for name, value, *ends in zip(POSES, *(mix.parts[who].pose for who in ("mix", *"AB")), strict=True):
        note = "A {:+.1f}, B {:+.1f}".format(*ends)
        poses.append(Row(name, float(value), float(min(ends)), float(max(ends)), note, ANSWER))
    lower = [
        Panel(detection, "Detection", f"f_DEC, {what}"),
        Panel(maps, "Response maps", what),
        Panel(outlines, "Points", "of mix (blue), A, B"),
        Panel(None, "Pose", "dot: mix, line: from A to B", poses),
    ]
    return Drawing([upper, lower], about, numbers)


def _gives(state: MixerState, who: str) -> str:
    """What a face gives to the mix, in words."""
    shares = {"A": (1 - state.identity, 1 - state.changing), "B": (state.identity, state.changing)}.get(who, (0, 0))
    given = [f"{share:.0%} {name}" for name, share in zip(HALVES, shares, strict=True) if share > 0]
    given += [name for name in ("places", "features") if getattr(state, name) == who]
    return ", ".join(given) or "gives nothing"


def _stripes(mix: Mix) -> np.ndarray:
    """C_id and below it C_pe of A, mix and B: a stripe for each channel, dark to bright from the least of all faces to
    most; to the left the colour of the face.
    """
    bands = []
    for half in mix.halves:
        for who in ("A", "mix", "B"):
            stripes = colour_map(mix.parts[who].code[None, half], 1.0)
            band = cv2.resize(stripes, (SIDE - 6, 28), interpolation=cv2.INTER_NEAREST)
            bands.append(cv2.copyMakeBorder(band, 0, 3, 6, 0, cv2.BORDER_CONSTANT, value=COLOURS[who]))
    return np.vstack(bands)
