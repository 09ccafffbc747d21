"""The texture of a person (the atlas): skin mixed from masks, eye, mouth, hair, cloth, in linear light. (our choice)"""

from functools import cache, lru_cache

import cv2
import numpy as np

from redn_lib.data.occluder import fill_polygon, fixed_point
from redn_lib.data.synthetic.head import SIDE, TABLES, smooth_line, template, texture_pixels
from redn_lib.data.synthetic.people import Person, Traits

HEIGHT, WIDTH = SIDE, 496  # the skin lies at (0, 0)
PATCHES = TABLES["patches"]
NOISES = 6


@cache
def noise_pool() -> np.ndarray:
    """Smooth noises of unit spread: (NOISES, 3, 256, 256), coarse, middle, fine. The same in every process."""
    rng = np.random.default_rng(20160)
    out = np.empty((NOISES, 3, 256, 256), np.float32)
    for k in range(NOISES):
        for channel, cells in enumerate((8, 40, 150)):
            small = rng.normal(size=(cells, cells)).astype(np.float32)
            big = cv2.resize(np.tile(small, (2, 2)), (512, 512), interpolation=cv2.INTER_CUBIC)[128:384, 128:384]
            out[k, channel] = big / big.std()
    return out


def area(points: np.ndarray, blur: float, thick: int = 0) -> np.ndarray:
    """A soft polygon of texture pixels (N, 2), or a line through them, on a mask (SIDE, SIDE) in [0, 1]."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    if thick:
        cv2.polylines(mask, [fixed_point(smooth_line(points, 6, False))], False, 255, thick, cv2.LINE_AA, 4)
    else:
        fill_polygon(mask, points)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)


def _blob(x: float, y: float, z: float, radius: float) -> np.ndarray:
    """A soft spot about a place of the mean head."""
    yy, xx = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    px, py = texture_pixels(np.array([x, y, z], np.float32))
    return np.exp(-((xx - px) ** 2 + (yy - py) ** 2) / (64 * radius) ** 2)


def _both(mask: np.ndarray) -> np.ndarray:
    """A mask of the right half of the face, and its mirror image."""
    return np.maximum(mask, mask[:, ::-1])


@cache
def skin_masks() -> tuple[list[str], np.ndarray]:
    """Names of the N marks of the skin, beard and moustache last, and where they lie, (N, SIDE * SIDE) float32."""
    texel = texture_pixels(template().controls)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)

    def at(*places: int | str | list) -> np.ndarray:
        """Texture pixels of places as in the tables; of a pair of controls that on the right half of the face."""
        found = []
        for place in places:
            which, *rest = place if isinstance(place, list) else [place, 0, 0]
            is_control = not isinstance(which, float)
            found.append(texel[template().at(which)[0]] + rest if is_control else texture_pixels(np.array(place)))
        return np.stack(found)

    def mark(lines: list = (), spots: list = (), blur: float = 1.0, thick: int = 0, both: bool = True) -> np.ndarray:
        masks = [area(at(*line), blur, thick) for line in lines] + [share * _blob(*spot) for *spot, share in spots]
        return _both(sum(masks)) if both else sum(masks)

    outer, inner = smooth_line(texel[48:60], 6, True), smooth_line(texel[60:68], 6, True)
    lips = np.clip(area(outer, 0.9) - area(inner, 0.1), 0, 1)
    nostril = at("nostril", "wing", 31, 32, "columella") + at("nostril", "nostril", "nostril", 32, "nostril")
    crease = 0.55 * at("crease_out", "lid_crease", "crease_in") + 0.45 * at(37, 37, 38)
    cheeks = (texel[1:16] - SIDE / 2) * 1.12 + SIDE / 2
    jaw = np.vstack([cheeks, texel[template().at("cheek_low")[1:]], texel[54:60], at(48, "cheek_low")])
    bristles = np.vstack([at(48) + (-3, 3), texel[48:55], at(54) + (3, 3), at(35, 33, 31) + (0, 3)])
    masks = {name: mark(**how) for name, how in TABLES["marks"].items()} | {
        "lips": lips,
        "lip_line": area(np.vstack([inner, inner[:1]]), 0.8, thick=2),
        "crease": _both(area(crease, 0.9, thick=1)),
        "nostril": _both(area(nostril / 2, 1.0)),
        "scalp": np.clip((texel[27, 1] - 40 - y) / 10, 0, 1) * (np.hypot(x - SIDE / 2, y - SIDE / 2) > 30),
        "beard": area(jaw, 4.0) * (1 - lips) * np.clip((y - texel[2, 1]) / 18, 0, 1),
        "moustache": area(bristles, 1.4) * (1 - 0.9 * lips),
    }
    return list(masks), np.stack([mask.ravel() for mask in masks.values()]).astype(np.float32)


_SKIN, _HAIR, _IRIS = (np.log(TABLES[f"{name}_colours"]) for name in ("skin", "hair", "iris"))


def blend(stops: np.ndarray, at: float) -> np.ndarray:
    """Colour (3,) at `at` in [0, 1] along evenly spaced stops."""
    place = min(max(at, 0.0), 1.0) * (len(stops) - 1)
    below = min(int(place), len(stops) - 2)
    return (stops[below] + (place - below) * (stops[below + 1] - stops[below])).astype(np.float32)


def skin_colour(traits: Traits) -> np.ndarray:
    """Mean reflectance of the skin, (3,), linear."""
    red = np.array([0.10, 0, -0.05], np.float32) * traits["skin_red"]
    yellow = np.array([0.03, 0.0, -0.10], np.float32) * traits["skin_yellow"]
    return np.exp(blend(_SKIN, traits["skin_tone"]) + (red + yellow))


def _skin(traits: Traits, rng: np.random.Generator) -> np.ndarray:
    shift = tuple(rng.integers(0, 256, 2))
    noise = noise_pool()[rng.integers(NOISES), 1:]
    blotches, grain = (np.roll(n, shift, (0, 1))[:SIDE, :SIDE] for n in noise)
    tone, hair = np.log(skin_colour(traits)), blend(_HAIR, traits["hair_tone"])
    beard_hair = blend(_HAIR, min(1.0, traits["hair_tone"] + traits["beard_grey"]))
    dark, red = np.array([-0.9, -1.0, -1.0]), np.array([0.02, -0.14, -0.10])
    mix = {name: dark * (s + more * traits[trait]) for name, (s, more, trait) in TABLES["darkness"].items()} | {
        "lips": np.array([-0.08, -0.6, -0.42]) * traits["lip_red"] - traits["lip_dark"],
        "lid": np.array(traits["eye_shadow"]),
        "nose_red": red * traits["blush"],
        "blush": red * traits["blush"],
        "scalp": (hair - tone) * traits["stubble_head"],
        "t_zone": np.array([0.06, 0.05, 0.05]),
    }
    names, masks = skin_masks()
    weights = np.stack([mix[name] for name in names[:-2]]).T.astype(np.float32)
    colour = (weights @ masks[:-2]).reshape(3, SIDE, SIDE)
    colour += tone[:, None, None]
    hairy = np.clip(0.9 + 0.15 * grain, 0, 1.2) * (beard_hair - tone)[:, None, None]
    for name, mask in zip(names[-2:], masks[-2:], strict=True):
        if traits[name] > 0.02:
            colour += traits[name] * mask.reshape(SIDE, SIDE) * hairy
    colour += (0.05 * traits["mottle"]) * (1.3 * blotches + grain)
    brow_hair = traits["brow_dark"] * np.minimum(blend(_HAIR, traits["brow_tone"]) - tone, -0.3)
    line = smooth_line(texture_pixels(template().controls[17:22]), 4, False)
    thick = np.interp(np.linspace(0, 1, len(line)), [0, 0.35, 0.85, 1], [0.25, 0.85, 1.0, 0.75])
    thick = (traits["brow_thick"] * thick)[:, None]
    upper, lower = line - np.array([[0, 0.25]]) * thick, line + np.array([[0, 0.75]]) * thick
    brows = _both(area(np.vstack([upper, lower[::-1]]), 0.8)) * np.clip(0.9 + 0.2 * grain, 0, 1.3)
    colour += brows * brow_hair[:, None, None]
    return cv2.exp(cv2.merge(list(colour)))


def _hair(traits: Traits, rng: np.random.Generator) -> np.ndarray:
    coarse, middle, fine = noise_pool()[rng.integers(NOISES)][:, :142, :142]
    straight = cv2.resize(fine[:24], (142, 142), interpolation=cv2.INTER_LINEAR)
    strand = middle if traits["hair_curl"] > 0.5 else straight
    colour = blend(_HAIR, traits["hair_tone"]) + np.array([0.25, 0, -0.1], np.float32) * traits["hair_red"]
    if traits["headscarf"] > 0.5:
        colour, strand = np.log(np.array(traits["cloth"], np.float32) * 0.9 + 0.01), coarse
    return np.exp(colour + (0.28 * strand * traits["hair_streak"] + 0.12 * coarse)[..., None])


def _cloth(traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """Neck above, clothes below; columns run from the throat to the nape."""
    _, _, width, height = PATCHES["cloth"]
    first, second = np.array(traits["cloth"], np.float32), np.array(traits["cloth_2"], np.float32)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    patch = np.full((height, width, 3), skin_colour(traits) * 0.92, np.float32)
    edge = 0.36 + traits["neckline"] * np.maximum(0, 0.30 - x) * 1.4
    body, style = np.full(patch.shape, first), traits["cloth_style"]
    if style < 0.35:
        body[x < 0.13 * (1.0 - 0.6 * (y - 0.4))] = second
    if style < 0.2:
        body[x < 0.028] = np.array(traits["cloth_3"])
    if style > 0.75:
        body[(np.floor(y * 26) % 2 == 0)] = second
    body *= np.exp(0.18 * noise_pool()[rng.integers(NOISES), 0, :height, :width, None])
    return np.where((y > edge)[..., None], body, patch)


@lru_cache(maxsize=8)
def paint(person: Person) -> np.ndarray:
    """Atlas (HEIGHT, WIDTH, 3) float32, linear reflectance."""
    rng, traits = np.random.default_rng([person.seed, 3]), person.traits
    atlas = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    atlas[:SIDE, :SIDE] = _skin(traits, rng)
    eye = np.full((60, 60, 3), np.array([0.60, 0.54, 0.51]) * traits["sclera"], np.float32)
    iris = np.exp(blend(_IRIS, traits["iris"]))
    for radius, colour in ((13.8, iris * 0.2), (11.6, iris * 0.8), (6.2, (0.004, 0.004, 0.004))):
        cv2.circle(eye, (472, 472), int(radius * 16), tuple(float(c) for c in colour), -1, cv2.LINE_8, 4)
    eye = cv2.GaussianBlur(eye, (0, 0), 0.9)
    mouth = np.full((60, 60, 3), (0.06, 0.015, 0.012), np.float32)
    mouth[14:44] = np.array([0.68, 0.62, 0.52], np.float32) * traits["teeth"]
    mouth[14:44, 4::7] *= 0.72
    mouth[44:] = (0.36, 0.12, 0.11)
    patches = {"hair": _hair(traits, rng), "eye": eye, "mouth": mouth, "cloth": _cloth(traits, rng)}
    for name, patch in patches.items():
        x, y, w, h = PATCHES[name]
        atlas[y : y + h, x : x + w] = patch
    return atlas
