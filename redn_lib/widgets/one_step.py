"""Inside one step: what a pool keeps and remembers, what the decoder puts back, the maps it ends in. (our choice)

one_step(model, faces)                       # in a notebook, with a kernel: controls and a live picture
one_step.figure(model, faces, memory=False)  # the same picture without widgets
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from redn_lib.encoder_decoder import unpool
from redn_lib.landmarks import N_POINTS
from redn_lib.metrics import nme
from redn_lib.rednet import RedNet
from redn_lib.response_maps import decode, spatial_softmax
from redn_lib.tracking.align import align
from redn_lib.widgets.draw import colour_map, draw_face, draw_response_map, zoomed
from redn_lib.widgets.explorer import Example, first_of, point_name, to_examples
from redn_lib.widgets.panels import board, caption, text_width
from redn_lib.widgets.style import BLUE, GREEN, GRID, ORANGE, PURPLE
from redn_lib.widgets.widget import Drawing, Scene, setting, widget

SIDE = 235
PLACES = np.array([BLUE, ORANGE, GREEN, PURPLE, GRID], np.uint8)
"""Colours of a window's places: upper left, upper right, lower left, lower right; grey for a window without a value."""


@dataclass(frozen=True)
class StepState:
    """Where every control stands."""

    image: int = setting(0, "image", "number of the image", (0, 0))
    pool: int = setting(2, "pool", "a pool of the encoder that the decoder undoes", (1, 4))
    rank: int = setting(1, "rank", "1: the channel in which the decoder's largest value is, all parts on", (1, 1))
    point: int = setting(36, "point", "one of the 68 points", (0, N_POINTS - 1))
    memory: bool = setting(True, "pools remember", "values go back where they were, else to the upper left")
    features: bool = setting(True, "f_REG sees features", "f_REG gets the encoder's features, else zeros")


@dataclass(frozen=True)
class Inside:
    """One step opened."""

    crop: np.ndarray  # (S, S, 3) uint8 RGB
    before: list[np.ndarray]  # features of each stage before its pool, (C, h, h)
    where: list[np.ndarray]  # flat index of each maximum that a pool remembers, (C, h/2, h/2)
    held: dict[int, np.ndarray]  # by stage (0-based), what the decoder holds before its unpooling, (C, h/2, h/2)
    back: dict[int, np.ndarray]  # the same after it, (C, h, h)
    detection: np.ndarray  # (L+1, h, h) probabilities
    maps: np.ndarray  # (L, m, m) probabilities
    points: np.ndarray  # (68, 2) crop pixels
    error: float | None  # NME, None without labels


@widget(label_width="5em")
def one_step(model: RedNet, faces, boxes=None, **start) -> Scene:
    """Controls over the inside of the model's first step on each face.

    faces, boxes: as the explorer takes them; start: where controls begin, by the names of `StepState`. Raises TypeError
    for an unknown one, ValueError for a pool that the decoder does not undo.
    """
    examples, widths = to_examples(faces, boxes), model.preset.widths
    about = (
        "Inside one step. Above: the crop with its points, a channel before the pool, its maxima, the remembered "
        "places. Below: what the decoder holds, the same put back, the detection map and the response map of a point"
    )
    first = len(widths) - model.preset.levels + 1
    ranges = {"image": (0, len(examples) - 1), "pool": (first, len(widths))}
    ranges["rank"] = (1, min(w[-1] for w in widths[first - 1 :]))

    @lru_cache(maxsize=16)
    def inside(image: int, memory: bool, features: bool) -> Inside:
        return inside_step(model, examples[image], memory, features)

    def draw(state: StepState) -> Drawing:
        whole, here = inside(state.image, True, True), inside(state.image, state.memory, state.features)
        strength = whole.held[state.pool - 1].max((1, 2))  # of each channel
        channel = np.argsort(-strength, kind="stable")[state.rank - 1]
        return Drawing(compose(here, state, channel), about, numbers(here, whole, state, channel))

    return Scene(draw, StepState, start, ranges)


@torch.inference_mode()
def inside_step(model: RedNet, example: Example, memory: bool = True, features: bool = True) -> Inside:
    """The model's first step on an example, its z blank. The crop goes in as 8 bits, so `align` differs a little.

    memory: values go back to where they were, else to the upper left of their window; features: f_REG sees the
    encoder's features, else zeros in their place.
    """
    fit = align(model, example.image, example.box, 1)
    device = next(model.parameters()).device
    frame = torch.from_numpy(fit.crop_images).to(device).permute(0, 3, 1, 2).float() / 255
    code, before, where = model.encoder(frame - 0.5, torch.from_numpy(fit.z).to(device), 0)
    x, held, back = code, {}, {}
    for s, stage in zip(range(len(where) - 1, -1, -1), model.decoder.stages, strict=False):
        put = unpool(x, where[s] if memory else upper_left(where[s]))
        held[s], back[s], x = first_of(x), first_of(put), stage(put, 0)
    detection = model.detection(x)
    maps = spatial_softmax(model.regression(detection, before[1] * features, before[3] * features, 0))
    points = first_of(decode(maps, model.preset.size))
    return Inside(
        fit.crop_images[0],
        [first_of(t) for t in before],
        [first_of(t) for t in where],
        held,
        back,
        first_of(detection.softmax(1)),
        first_of(maps),
        points,
        None if example.truth is None else float(nme(fit.crops[0].to_frame(points), example.truth)),
    )


def upper_left(where: Tensor) -> Tensor:
    """Indices of a 2x2 pool that forgot: (B, C, h, w) int64, all name the upper left place of their window."""
    h, w = where.shape[-2:]
    y, x = (torch.arange(n, device=where.device) for n in (h, w))
    return (4 * w * y[:, None] + 2 * x).expand_as(where)


def windows(features: np.ndarray) -> np.ndarray:
    """The 2x2 windows of a channel: (h, w) to (h/2, w/2, 4), each read line by line."""
    h, w = features.shape
    return features.reshape(h // 2, 2, w // 2, 2).swapaxes(1, 2).reshape(h // 2, w // 2, 4)


def place_colours(before: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Which of its four places each window remembers, as colours: (h, w) and (h/2, w/2) to (h/2, w/2, 3) uint8."""
    y, x = np.divmod(where, before.shape[1])
    return PLACES[np.where(windows(before).max(-1) > 0, 2 * (y % 2) + x % 2, 4)]


def compose(inside: Inside, state: StepState, channel: int) -> np.ndarray:
    """Upper row: the way down to the pool; lower row: the way up from it to the maps."""
    s, p, zoom = state.pool - 1, state.point, SIDE / len(inside.crop)
    before, held, back = inside.before[s][channel], inside.held[s][channel], inside.back[s][channel]
    pooled = windows(before).max(-1)
    detection = draw_response_map(inside.crop, inside.detection[1 + p], zoom=zoom)
    response = draw_response_map(inside.crop, inside.maps[p], zoom=zoom)
    response = draw_face(response, zoomed(inside.points, zoom), only=[p], lines=False)
    down = [
        caption(draw_face(inside.crop, inside.points, zoom=zoom), "The crop", "with all points", SIDE),
        caption(colour_map(before), "Encoder", f"stage {state.pool}, {_size(before)}", SIDE),
        caption(colour_map(pooled), "Pooled", f"maxima, {_size(pooled)}", SIDE),
        caption(place_colours(before, inside.where[s][channel]), "Remembered", "        grey: none", SIDE),
    ]
    key = PLACES[:4].reshape(2, 2, 3).repeat(9, 0).repeat(9, 1)  # one window, its places in their colours
    x = text_width("Remembered", bold=True) + 8
    down[-1][2:20, x : x + 18] = key
    up = [
        caption(colour_map(held), "Decoder", f"holds, {_size(held)}", SIDE),
        caption(colour_map(back), "Put back", "where it was" if state.memory else "upper left", SIDE),
        caption(detection, "Detection", f"point {p}, {_size(inside.detection[0])}", SIDE),
        caption(response, "Response map", f"point {p}", SIDE),
    ]
    return board([down, up])


def _size(values: np.ndarray) -> str:
    return f"{values.shape[-1]}x{values.shape[-2]}"


def numbers(inside: Inside, whole: Inside, state: StepState, channel: int) -> list[list[str]]:
    """Shapes and what the pool keeps; then the chosen point, and the error beside that with all parts on (`whole`)."""
    before, where = inside.before[state.pool - 1], inside.where[state.pool - 1]
    full = windows(before[channel]).max(-1) > 0
    x, y = inside.points[state.point]
    words = [
        f"image {state.image}",
        f"pool {state.pool} keeps {where.size:,} of {before.size:,} values, and a place for each",
    ]
    words += [f"rank {state.rank} is channel {channel}: {full.sum()} of {full.size} windows hold a value"]
    words += ["values go back " + ("where they were" if state.memory else "upper left in their window")]
    last = [f"{point_name(state.point)}: at ({x:.1f}, {y:.1f}) px of the crop"]
    last += ["f_REG sees no features"] * (not state.features)
    if inside.error is None:
        last.append(f"all points moved by {np.linalg.norm(inside.points - whole.points, axis=1).mean():.1f} px")
    else:
        last.append(f"NME of this step {inside.error:.1%}, with all parts on {whole.error:.1%}")
    return [words, last]
