"""The code mixer: the identity code of one face beside the pose/expression code of another, decoded live. (our choice)

code_mixer(model, faces)                    # in a notebook, with a kernel: controls and a live picture
code_mixer_figure(model, faces, places="B")  # the same picture without widgets
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from IPython.display import Image

from redn_lib.data.clip import Face
from redn_lib.experiments.mixes import Decoded, blended, decoded, encode, way
from redn_lib.identity import pooled, pose_of
from redn_lib.landmarks import LINES
from redn_lib.metrics import eye_distance
from redn_lib.rednet import RedNet
from redn_lib.training.batches import cut_patch
from redn_lib.widgets.chart import Chart
from redn_lib.widgets.draw import colour_map, draw_face, draw_response_map, enlarge, zoomed
from redn_lib.widgets.explorer import ALL, POINT_OPTIONS
from redn_lib.widgets.live import Drawing, Live, Scene, first_state, setting
from redn_lib.widgets.panels import bordered, caption, card, side_by_side, stack, text_width, write
from redn_lib.widgets.style import ANSWER, GREEN, GRID, INK, ORANGE, QUIET, Colour, rgb

ROLES = "ABC"
SIDE = 235
COLOURS: dict[str, Colour] = {"A": GREEN, "B": ORANGE, "C": QUIET, "mix": ANSWER}
POSES = (("turn", "left", "right"), ("nod", "up", "down"), ("mouth", "shut", "open"))
"""The numbers of `pose_of`, and what less and more of each mean."""

LIMIT = 3.0
"""Standard deviations to either side that the pose panel shows."""


@dataclass(frozen=True)
class MixerState:
    """Where every control stands."""

    a: int = setting(0, "face A", "gives what B does not", (0, 0))
    b: int = setting(1, "face B", "gives the shares below", (0, 0))
    c: int = setting(2, "face C", "a third face, for places or features", (0, 0))
    identity: float = setting(0.0, "C_id from B", "share of B's identity code", (0, 1), step=0.1, form=".0%")
    changing: float = setting(1.0, "C_pe from B", "share of B's pose/expression code", (0, 1), step=0.1, form=".0%")
    point: int = setting(ALL, "point", "one of the 68 points, or all", options=POINT_OPTIONS)
    places: str = setting("A", "places of", "whose places the pools remember", options=tuple(ROLES))
    features: str = setting("A", "features of", "whose features f_REG sees", options=tuple(ROLES))


@dataclass(frozen=True)
class Mix:
    """One state computed, ready to draw; dictionaries are by role, with "mix" beside ROLES.

    state: as asked for.
    names: of the faces.
    crop_images: (S, S, 3) uint8 RGB, of ROLES.
    points: (68, 2) crop pixels.
    poses: (3,) as `pose_of`.
    codes: (C,) pooled, each channel from 0 to 1 between the least and the most of all faces.
    distances: of C_id and of C_pe of A and B, 1: as far apart as two faces usually are.
    detection: (L, h, h) probabilities of the mix.
    maps: (L, m, m) probabilities of the mix.
    channels: of C_id.
    """

    state: MixerState
    names: dict[str, str]
    crop_images: dict[str, np.ndarray]
    points: dict[str, np.ndarray]
    poses: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    distances: tuple[float, float]
    detection: np.ndarray
    maps: np.ndarray
    channels: int

    @property
    def way(self) -> float:
        """How far the mix's pose has come from that of A, 0, to that of B, 1. Undefined where A and B are one face."""
        return way(*(torch.from_numpy(self.poses[who])[None] for who in ("mix", "A", "B")))

    def distance(self, who: str) -> float:
        """Mean distance of the mix's points from the unmixed points of A or B, over its eye distance."""
        own = self.points[who]
        return float(np.linalg.norm(self.points["mix"] - own, axis=-1).mean() / eye_distance(own))


def code_mixer(model: RedNet, faces: Sequence[Face], **start) -> Live:
    """Controls over which of the faces are A, B and C, and what of each is decoded by the model's first step.

    start: where controls begin, by the names of `MixerState`. Raises TypeError for an unknown one, ValueError for fewer
    than two faces or a start that no control can take.
    """
    return Live(_scene(model, faces, start), label_width="7em", lines=4)


def code_mixer_figure(model: RedNet, faces: Sequence[Face], **start) -> Image:
    """The mixer's picture as an image with alt text, for pages where no widget runs; arguments as `code_mixer`."""
    return _scene(model, faces, start).still()


def _scene(model: RedNet, faces: Sequence[Face], start: dict) -> Scene:
    mixer, chart = Mixer(model, faces), PoseChart()
    ranges = {role: (0, len(faces) - 1) for role in "abc"}
    state = first_state(MixerState, {"c": min(2, len(faces) - 1), **start}, ranges)

    def draw(state: MixerState) -> Drawing:
        mix = mixer.mix(state)
        return Drawing(compose(mix, chart), describe(mix), in_words(mix))

    return Scene(draw, state, ranges)


class Mixer:
    """Encodes each face once and decodes mixes as a state asks. Raises ValueError for fewer than two faces."""

    def __init__(self, model: RedNet, faces: Sequence[Face]):
        if len(faces) < 2:
            raise ValueError(f"to mix codes takes two faces or more, got {len(faces)}")
        self.model, self.names = model, [face.name or f"face {i}" for i, face in enumerate(faces)]
        self.encoded = [encode(model, [cut_patch(face)]) for face in faces]
        self.codes = np.stack([_array(pooled(e.code)) for e in self.encoded])
        self.least, self.range = self.codes.min(0), np.ptp(self.codes, 0) + 1e-6
        self.unmixed = lru_cache(maxsize=None)(self._unmixed)

    def mix(self, state: MixerState) -> Mix:
        """Everything about one mix."""
        at = dict(zip(ROLES, (state.a, state.b, state.c), strict=True))
        encoded = {who: self.encoded[i] for who, i in at.items()}
        channels = self.model.preset.identity_channels
        code = blended(encoded["A"].code, encoded["B"].code, channels, state.identity, state.changing)
        mixed = decoded(self.model, code, encoded[state.places].places, encoded[state.features].features)
        predictions = {who: self.unmixed(i) for who, i in at.items()} | {"mix": mixed}
        codes = {who: self.codes[i] for who, i in at.items()} | {"mix": _array(pooled(code))}
        return Mix(
            state,
            {who: self.names[i] for who, i in at.items()},
            {who: _picture(e.frames) for who, e in encoded.items()},
            {who: _array(p.points) for who, p in predictions.items()},
            {who: _array(pose_of(p.points)) for who, p in predictions.items()},
            {who: (code - self.least) / self.range for who, code in codes.items()},
            tuple(self._distance(half, state.a, state.b) for half in (slice(0, channels), slice(channels, None))),
            _array(mixed.detection)[1:],
            _array(mixed.maps),
            channels,
        )

    def _unmixed(self, i: int) -> Decoded:
        e = self.encoded[i]
        return decoded(self.model, e.code, e.places, e.features)

    def _distance(self, half: slice, a: int, b: int) -> float:
        codes = self.codes[:, half]
        usual = np.sqrt(2 * codes.var(0, ddof=1).sum())  # root of the mean square over all pairs
        return float(np.linalg.norm(codes[a] - codes[b]) / max(usual, 1e-6))


def _array(batch_of_one: torch.Tensor) -> np.ndarray:
    return batch_of_one[0].float().cpu().numpy()


def _picture(frames: torch.Tensor) -> np.ndarray:
    return np.uint8(np.rint(255 * _array(frames).transpose(1, 2, 0).clip(0, 1)))


def describe(mix: Mix) -> str:
    """The numbers under the controls: what is mixed, how far the codes are apart, where the points go."""
    state = mix.state
    identity, changing = mix.distances
    parts = [f"A {mix.names['A']}", f"B {mix.names['B']}", f"C {mix.names['C']}"]
    recipe = [f"C_id {state.identity:.0%} of B", f"C_pe {state.changing:.0%} of B"]
    recipe += [f"places of {state.places}", f"features of {state.features}"]
    far = f"distance of A and B {identity:.1f} in C_id, {changing:.1f} in C_pe (usual: 1)"
    came = "A and B are one image" if state.a == state.b else f"pose {round(100 * mix.way)} % of the way from A to B"
    points = ", ".join(f"{mix.distance(who):.0%} from {who}'s" for who in "AB")
    lines = [parts, recipe, [far, came, f"points {points} (of the eye distance)"]]
    return "\n".join(" · ".join(line) for line in lines)


def in_words(mix: Mix) -> str:
    """Alt text of the picture."""
    state = mix.state
    what = "all points" if state.point == ALL else f"point {state.point}"
    return (
        f"Code mixer, {mix.names['A']} and {mix.names['B']}: {state.identity:.0%} of B's C_id, {state.changing:.0%} of "
        f"B's C_pe, places of {state.places}, features of {state.features}. Above: faces A, B and C with their own "
        f"points, and the codes of A, mix and B as stripes. Below: detection and response maps of the mix, {what}; its "
        "points with those of A and B; turn, nod and mouth of the three on a line each"
    )


class PoseChart(Chart):
    """A line for turn, nod and mouth each: where A and B are without mixing, and a dot where the mix is."""

    def __init__(self):
        super().__init__(SIDE, SIDE)
        rows = np.arange(len(POSES))
        plot = self.axes(14, 0, SIDE - 14, SIDE, xlim=(-LIMIT, LIMIT), ylim=(2.55, -0.55))
        plot.axis("off")
        plot.hlines(rows, -LIMIT, LIMIT, color=rgb(GRID), linewidth=2.5)
        for row, (name, less, more) in enumerate(POSES):
            plot.text(-LIMIT, row - 0.32, name, fontsize=9, fontweight="bold")
            plot.text(-LIMIT, row + 0.32, less, fontsize=8, color=rgb(QUIET))
            plot.text(LIMIT, row + 0.32, more, fontsize=8, color=rgb(QUIET), ha="right")
        self.marks = {}
        for who in "AB":
            ticks = plot.plot([], "|", color=rgb(COLOURS[who]), markersize=15, markeredgewidth=3)[0]
            letter = {"marker": f"$\\mathrm{{{who}}}$", "markersize": 7, "markeredgewidth": 0}
            letters = plot.plot([], linestyle="", color=rgb(QUIET), **letter)[0]
            self.marks[who] = [(ticks, rows), (letters, rows - 0.22)]
        dot = {"color": rgb(COLOURS["mix"]), "markersize": 11, "markeredgecolor": rgb(INK), "clip_on": False}
        self.marks["mix"] = [(plot.plot([], "o", **dot)[0], rows)]

    def show(self, mix: Mix) -> np.ndarray:
        """The poses of a mix, as pixels."""
        for who, marks in self.marks.items():
            for line, rows in marks:
                line.set_data(np.clip(mix.poses[who], -LIMIT, LIMIT), rows)
        return self.pixels()


def compose(mix: Mix, chart: PoseChart) -> np.ndarray:
    """All panels of one mix in one picture (H, 1000, 3) uint8 RGB."""
    point, black = mix.state.point, np.zeros_like(mix.crop_images["A"])
    chosen, what = (slice(None), "all points") if point == ALL else (slice(point, point + 1), f"point {point}")
    zoom = SIDE / len(black)
    detection, maps = (draw_response_map(black, m[chosen], zoom=zoom) for m in (mix.detection, mix.maps))
    only = None if point == ALL else [point]
    maps = draw_face(maps, zoomed(mix.points["mix"], zoom), only=only, lines=False)
    upper = [caption(_face(mix, who, zoom), who, _gives(mix, who)) for who in ROLES]
    lower = [
        caption(detection, "Detection", f"f_DEC, {what}"),
        caption(maps, "Response maps", f"f_REG, {what}"),
        caption(_outlines(mix, zoom), "Points", "of the mix, A and B"),
        caption(chart.show(mix), "Pose", "of the points"),
    ]
    codes = caption(_stripes(mix), "Codes", "a stripe a channel")
    return bordered(stack([side_by_side([*upper, codes]), side_by_side(lower)]))


def _gives(mix: Mix, who: str) -> str:
    state = mix.state
    shares = {"A": (1 - state.identity, 1 - state.changing), "B": (state.identity, state.changing)}.get(who, (0, 0))
    given = [f"{share:.0%} {name}" for name, share in zip(("C_id", "C_pe"), shares, strict=True) if share > 0]
    given += [name for name, whose in (("places", state.places), ("features", state.features)) if whose == who]
    return "gives " + (", ".join(given) or "nothing")


def _face(mix: Mix, who: str, zoom: float) -> np.ndarray:
    out = _outline(enlarge(mix.crop_images[who], zoom), mix.points[who], COLOURS[who], zoom)
    cv2.rectangle(out, (0, 0), (out.shape[1] - 1, out.shape[0] - 1), COLOURS[who], 4)
    return out


def _outline(picture: np.ndarray, points: np.ndarray, colour: Colour, zoom: float, width: int = 1) -> np.ndarray:
    """Drawn into the picture: the strokes of a face whose points are in pixels before it was enlarged."""
    at = np.rint(zoomed(points, zoom) * 16).astype(np.int32)
    for indices, closed in LINES:
        cv2.polylines(picture, [at[list(indices)].reshape(-1, 1, 2)], closed, colour, width, cv2.LINE_AA, 4)
    return picture


def _outlines(mix: Mix, zoom: float) -> np.ndarray:
    """The mix broad, the unmixed A and B thin over it."""
    out = np.full((SIDE, SIDE, 3), 255, np.uint8)
    _outline(out, mix.points["mix"], COLOURS["mix"], zoom, 3)
    for who in "AB":
        _outline(out, mix.points[who], COLOURS[who], zoom)
    x = 6
    for who in ("A", "mix", "B"):
        cv2.line(out, (x, SIDE - 10), (x + 12, SIDE - 10), COLOURS[who], 3)
        write(out, who, x + 17, SIDE - 18, size=12)
        x += 17 + text_width(who, 12) + 12
    return out


def _stripes(mix: Mix) -> np.ndarray:
    """C_id and C_pe of A, mix and B: a stripe for each channel, dark to bright from the least of all faces to most."""
    out = card(SIDE, SIDE)
    left, high, y = 34, 26, 4
    for name, part in (("C_id", slice(0, mix.channels)), ("C_pe", slice(mix.channels, None))):
        write(out, name, left, y, size=12, bold=True)
        y += 18
        for who in ("A", "mix", "B"):
            stripes = colour_map(mix.codes[who][None, part], 1.0)
            out[y : y + high, left:] = cv2.resize(stripes, (SIDE - left, high), interpolation=cv2.INTER_NEAREST)
            write(out, who, left - 6 - text_width(who, 12), y + 5, size=12)
            out[y : y + high, left - 4 : left - 1] = COLOURS[who]
            y += high + 3
        y += 8
    return out
