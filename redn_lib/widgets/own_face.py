"""One's own face: tracked live from the browser's camera, frozen, corrected by hand, learnt, and measured. (our choice)

Its page is own_face.js. What passes between the two, beside what page.js says:

request  {do, ...}: `do` is one of ACTS, methods below, the rest are its arguments; image: bytes of a file.
answer   {arrays, line, pictures, shown, file}; arrays as in `face_arrays`, and photo: the image as JPEG; of a picture
         shipped, tuned, corrected: (68, 2) float32; thumbs: (n, 48, 48, 3) uint8; content: of the file to download.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd
from IPython.display import Image

from redn_lib.crop import cut_around
from redn_lib.data.clip import Face, check_image
from redn_lib.data.images import decode_image
from redn_lib.folded import fast
from redn_lib.landmarks import N_POINTS, PARTS, POINT_NAMES, tight_box
from redn_lib.metrics import point_errors
from redn_lib.pretrained import save_weights
from redn_lib.rednet import RedNet
from redn_lib.tracking.align import Fit, align
from redn_lib.tracking.tracker import TURNED, Tracker, turn_of
from redn_lib.training.fine_tune import TUNE, fine_tune
from redn_lib.training.stages import Stage
from redn_lib.widgets.disturbed_loop import step_arrays
from redn_lib.widgets.draw import draw_face, draw_response_map, enlarge
from redn_lib.widgets.panels import caption, fit_into, side_by_side, stack
from redn_lib.widgets.widget import Page, face_setup, jpeg_array, source, still

SHIPPED, TUNED = "shipped", "tuned"
LARGEST = 1024  # pixels of the larger side of a picture
THUMB = 48
BEGIN = "fine-tune"
ACTS = ("follow", "freeze", "add", "show", "correct", "learn", "remove", "export", "start_again")


@dataclass(eq=False)
class Picture:
    """A frozen frame, or a picture from a file.

    image: (H, W, 3) uint8 RGB; box: (4,) of the face, from which both networks begin; turn: of their first crop.
    points: (68, 2) in pixels, the prediction of the shipped network, corrected by hand.
    learn: whether the tuning learns from it.
    fits: of the networks, by SHIPPED and TUNED, as far as they are known.
    """

    name: str
    image: np.ndarray
    box: np.ndarray
    turn: float
    points: np.ndarray
    learn: bool
    fits: dict[str, Fit] = field(default_factory=dict)

    @property
    def moved(self) -> np.ndarray:
        """Which points were corrected, (68,) bool."""
        return np.abs(self.points - self.fits[SHIPPED].points).max(1) > 1e-3


def face_arrays(fit: Fit, point: int) -> dict[str, np.ndarray]:
    """`step_arrays` but for z, with the map of a point alone, for -1 the largest of all at each cell: (K, 1, m, m)."""
    arrays = {name: values for name, values in step_arrays(fit).items() if name != "z"}
    maps = arrays["maps"]
    return arrays | {"maps": maps[:, [point]] if point >= 0 else maps.max(1, keepdims=True)}


class OwnFace(Page):
    """The widget. `pictures`: what was frozen or opened; `tuned`: the fine-tuned network, None before; `model` stays as
    it is. All of them are in memory alone.
    """

    _esm = source("own_face")

    def __init__(self, model: RedNet, sample: Sequence[np.ndarray], stage: Stage):
        self.model, self.sample, self.stage = model, sample, stage
        self.tracker = Tracker(model)
        self._folded = {SHIPPED: self.tracker.model}  # for the camera
        self._forget()
        setup = {"state": {}, "parts": [list(part) for part in PARTS.values()], "largest": LARGEST, "thumb": THUMB}
        super().__init__(picture(model, sample), face_setup() | setup)

    def _forget(self) -> None:
        self.pictures: list[Picture] = []
        self.tuned: RedNet | None = None
        self._folded.pop(TUNED, None)
        self._frame = self._tracked = None

    def respond(self, request: Mapping) -> dict:
        """The answer to a request. Raises ValueError or TypeError for one that makes no sense."""
        given = {name: value for name, value in request.items() if name not in ("do", "state")}
        do = request.get("do", "show")
        if do not in ACTS:
            raise ValueError(f"there is no {do!r} to do; there are {', '.join(ACTS)}")
        return getattr(self, do)(**given)

    def changes(self) -> list[dict]:
        """A walk through what can be done but the tuning."""
        frames = [{"do": "follow", "sample": t} for t in (0, 1)] + [{"do": "freeze"}]
        of_first = [{"do": do, "picture": 0} for do in ("show", "learn")]
        exports = [{"do": "export", "picture": 0, "kind": kind} for kind in ("csv", "png")]
        return [*frames, *of_first, *exports, {"do": "remove", "picture": 0}, {"do": "start_again"}]

    # ---- live
    def follow(self, image: bytes = b"", sample: int = 0, network: str = SHIPPED, point: int = -1) -> dict:
        """Track the next frame: of the camera, as the bytes of a file, else that of the sample."""
        frame = decode_image(image, "the camera's frame") if image else self.sample[sample % len(self.sample)]
        if self._tracked is None or frame.shape != self._frame.shape:
            self._tracked = self.tracker.track(self._frames())
        self._frame, self.tracker.model = frame, self._folded.get(network, self._folded[SHIPPED])
        next(self._tracked)
        fit, arrays, line = self.tracker.fit, {}, "no face in this frame: come nearer, or turn to the camera"
        if fit is not None:
            arrays, line = face_arrays(fit, point), f"live, {network} network: confidence {fit.confidence.mean():.2f}"
        if not image:
            arrays["photo"] = jpeg_array(frame)
        return {"arrays": arrays, "line": line}

    def _frames(self) -> Iterator[np.ndarray]:
        while True:
            yield self._frame

    def freeze(self) -> dict:
        """Keep the last frame as a picture, and show it. Raises ValueError where no face is in it."""
        if self._frame is None or self.tracker.fit is None:
            raise ValueError("there is no face to freeze: start the camera or the sample, and wait for the points")
        return self._keep(f"frame {len(self.pictures) + 1}", self._frame, self.tracker.fit)

    # ---- pictures
    def add(self, image: bytes | np.ndarray, name: str = "picture") -> dict:
        """Keep a picture, an array or the bytes of a file, and show it. Raises ValueError where no face is in it."""
        picture = decode_image(image, name) if isinstance(image, bytes) else image
        check_image(picture)
        picture = enlarge(picture, min(1, LARGEST / max(picture.shape)))
        finder = Tracker(self.model, temporal=False, detector=self.tracker.detector)
        next(finder.track([picture]))
        if finder.fit is None:
            raise ValueError(f"{name}: no face found; take a picture in which the face is larger and not hidden")
        return self._keep(name, picture, finder.fit)

    def _keep(self, name: str, image: np.ndarray, fit: Fit) -> dict:
        """Begin a picture from the points found in it; the first one is learnt from."""
        box, turn = tight_box(fit.points), turn_of(fit.points)
        kept = Picture(name, image, box, turn if abs(turn) > TURNED else 0.0, fit.points, not self.pictures)
        kept.points = self.fit(kept, SHIPPED).points.copy()
        self.pictures.append(kept)
        return self.show(len(self.pictures) - 1)

    def _network(self, name: str) -> RedNet:
        return self.tuned if name == TUNED and self.tuned else self.model

    def fit(self, picture: Picture, network: str) -> Fit:
        """What a network finds in a picture, always from the same box."""
        if network not in picture.fits:
            picture.fits[network] = align(self._network(network), picture.image, picture.box, turn=picture.turn)
        return picture.fits[network]

    def errors(self, picture: Picture) -> dict[str, np.ndarray]:
        """Of each network the distance of each point from yours over the eye distance, (68,)."""
        names = [SHIPPED, TUNED] if self.tuned else [SHIPPED]
        return {name: point_errors(self.fit(picture, name).points, picture.points) for name in names}

    def show(self, picture: int = -1, network: str = SHIPPED, point: int = -1) -> dict:
        """All pictures in words, and the one of that number with its steps; -1: none."""
        thumbs = [fit_into(cut_around(p.image, p.box, 0.7)[0], THUMB, THUMB) for p in self.pictures]
        arrays, line = (
            {"thumbs": np.array(thumbs, np.uint8)},
            "take the camera, a file or the sample, and freeze a frame",
        )
        if picture >= 0 and self.pictures:
            shown = self._picture(picture)
            arrays |= face_arrays(self.fit(shown, network if self.tuned else SHIPPED), point)
            arrays |= {name: self.fit(shown, name).points for name in self.errors(shown)}
            arrays |= {"corrected": shown.points, "photo": jpeg_array(shown.image)}
            line = self.line(shown)
        listed = [{"name": p.name, "learn": p.learn, "errors": self.means(p, p.moved)} for p in self.pictures]
        return {"arrays": arrays, "line": line, "pictures": listed, "shown": picture, "tuned": self.tuned is not None}

    def means(self, picture: Picture, chosen: np.ndarray) -> list[float]:
        """The mean error of each network over chosen points (68,) bool, over all of them where there are none."""
        return [
            float(error[chosen].mean() if chosen.any() else error.mean()) for error in self.errors(picture).values()
        ]

    def line(self, picture: Picture) -> str:
        """The errors of a picture in words."""

        def words(chosen: np.ndarray) -> str:
            means = zip(self.errors(picture), self.means(picture, chosen), strict=True)
            return " → ".join(f"{name} {mean:.1%}" for name, mean in means)

        moved, head = picture.moved, f"{picture.name}, {'' if picture.learn else 'not '}learnt from"
        if not moved.any():
            return f"{head}: no point moved yet, drag one to where it belongs; {words(moved)} from where they are"
        told = f"{head}: moved points ({moved.sum()}) {words(moved)} of the eye distance from your places"
        return told + (f"; the others {words(~moved)}" if not moved.all() else "")

    def _picture(self, number: int) -> Picture:
        if not 0 <= number < len(self.pictures):
            raise ValueError(f"there is no picture {number}; there are {len(self.pictures)}")
        return self.pictures[number]

    def correct(self, picture: int, points, **shown_by) -> dict:
        """Take the corrected points (68, 2) of a picture, in its pixels."""
        given = np.asarray(points, np.float32)
        if given.shape != (N_POINTS, 2) or not np.isfinite(given).all():
            raise ValueError(f"points must be ({N_POINTS}, 2) finite numbers, got {given.shape}")
        self._picture(picture).points = given
        return self.show(picture, **shown_by)

    def learn(self, picture: int, learn: bool = True, **shown_by) -> dict:
        """Whether the tuning learns from a picture."""
        self._picture(picture).learn = learn
        return self.show(picture, **shown_by)

    def remove(self, picture: int, **shown_by) -> dict:
        """Forget a picture."""
        self.pictures.remove(self._picture(picture))
        return self.show(min(picture, len(self.pictures) - 1), **shown_by)

    def start_again(self) -> dict:
        """Forget all pictures and the tuned network."""
        if self._runner:
            self.stopping = True
            self._runner.join()
        self._forget()
        return self.show()

    # ---- tuning
    def faces(self, learn: bool = True) -> list[Face]:
        """The corrected pictures that are learnt from, or those that are not."""
        chosen = [p for p in self.pictures if p.learn == learn]
        return [Face(p.image, p.points, "own face", p.name) for p in chosen]

    def run(self) -> RedNet:
        """Tune a copy of the shipped network on the pictures that are learnt from; `tuned` is the last one."""
        self.stopping = False
        self.say("begins")
        try:
            tuned = fine_tune(self.model, self.faces(), self.stage, self.until_stopped)
        except Exception as error:
            self.say(f"{error}", wrong=True, press=BEGIN)
            raise
        self.tuned, self._folded[TUNED], self.ended = tuned, fast(tuned), self.ended + 1
        for one in self.pictures:
            one.fits.pop(TUNED, None)
        self.say(f"{'stopped, what it has learnt is kept' if self.stopping else 'done'}", share=1.0, press=BEGIN)
        return tuned

    # ---- what can be taken away
    def table(self) -> pd.DataFrame:
        """A row for each point of each picture: where both networks and the corrections see it, in pixels."""
        rows = []
        for p in self.pictures:
            found = {name: self.fit(p, name).points for name in self.errors(p)} | {"corrected": p.points}
            columns = {f"{name}_{axis}": points[:, i] for name, points in found.items() for i, axis in enumerate("xy")}
            about = {"picture": p.name, "learnt": p.learn, "point": range(N_POINTS), "name": POINT_NAMES}
            rows.append(pd.DataFrame(about | columns))
        return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()

    def overlay(self, picture: int, network: str = SHIPPED) -> np.ndarray:
        """A picture (H, W, 3) uint8 RGB with a network's points, the corrected ones and the lines between them."""
        shown = self._picture(picture)
        zoom = max(1.0, 640 / max(shown.image.shape))
        return draw_face(shown.image, self.fit(shown, network).points, truth=shown.points, zoom=zoom)

    def export(self, kind: str, picture: int = 0, network: str = SHIPPED) -> dict:
        """A file for the browser to download: csv of all points, png of a picture, weights of the tuned network."""
        if kind == "csv":
            self._picture(picture)
            content = self.table().to_csv(index=False, float_format="%.2f").encode()
        elif kind == "png":
            content = cv2.imencode(".png", self.overlay(picture, network)[..., ::-1])[1].tobytes()
        elif kind == "weights" and self.tuned:
            with TemporaryDirectory() as folder:
                path = Path(folder, "own.safetensors")
                save_weights(self.tuned, path, tuned_on=len(self.faces()))
                content = path.read_bytes()
        else:
            raise ValueError(f"no {kind} to export" + ": fine-tune first" * (kind == "weights"))
        ending = "safetensors" if kind == "weights" else kind
        return {"arrays": {"content": np.frombuffer(content, np.uint8)}, "file": f"own_face.{ending}"}


def own_face(model: RedNet, sample: Sequence[np.ndarray], stage: Stage = TUNE) -> OwnFace:
    """Camera, file or sample; live points; freeze, correct, fine-tune, compare.

    sample: images (H, W, 3) uint8 RGB of one size, shown one after the other in place of a camera.
    stage: how it is tuned.
    """
    return OwnFace(model, sample, stage)


def picture(model: RedNet, sample: Sequence[np.ndarray]) -> Image:
    """The sample's first frame, with the steps that found its points."""
    tracker = Tracker(model, temporal=False)
    next(tracker.track([sample[0]]))
    fit, side = tracker.fit, 118
    about = (
        "Your own face: the sample's first frame with its points; beside it each feedback step's crop and response maps"
    )
    if fit is None:
        return still(sample[0], f"{about}: no face found")
    crops, maps = [], []
    for k, (crop, image) in enumerate(zip(fit.crops, fit.crop_images, strict=True)):
        zoom = side / crop.size
        crops.append(caption(draw_face(image, crop.to_crop(fit.steps[k]), zoom=zoom), f"step {k + 1}"))
        maps.append(draw_response_map(image, fit.response_maps[k], zoom=zoom))
    beside = stack([side_by_side(crops), side_by_side(maps)])
    frame = draw_face(sample[0], fit.points, zoom=len(beside) / len(sample[0]))
    return still(side_by_side([frame, beside]), f"{about}; confidence {fit.confidence.mean():.2f}")


own_face.figure = picture
"""The first picture with its alt text, for pages where no widget runs."""
