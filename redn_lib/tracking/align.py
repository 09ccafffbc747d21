"""One image, one box: the points of the face, and what the feedback loop did on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from redn_lib.crop import Crop
from redn_lib.data.clip import check_image
from redn_lib.feedback import Change, Step
from redn_lib.rednet import RedNet
from redn_lib.response_maps import confidence
from redn_lib.temporal import MemoryState


@dataclass(frozen=True)
class Fit:
    """Result of `align`. All points are 0-based pixels of the image.

    points: (68, 2) float32 after the last step.
    confidence: (68,) in [0, 1].
    steps: (K, 68, 2) points after each feedback step.
    patch: the patch that the crops are cut from.
    done: K feedback steps, as tensors.
    state: of f_tRNN for the next frame, None where it did not run.
    """

    points: np.ndarray
    confidence: np.ndarray
    steps: np.ndarray
    patch: Crop
    done: tuple[Step, ...] = ()
    state: MemoryState | None = None

    @cached_property
    def response_maps(self) -> np.ndarray:
        """(K, 68, h, w) probabilities over each step's crop."""
        return torch.cat([s.response_maps for s in self.done]).cpu().numpy()

    @cached_property
    def crop_images(self) -> np.ndarray:
        """(K, S, S, 3) uint8 RGB, the image in each step's crop."""
        frames = torch.cat([s.frame for s in self.done])
        return frames.mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    @cached_property
    def crops(self) -> tuple[Crop, ...]:
        """K crops, crop pixels to image pixels."""
        return tuple(self.patch.inner(s.crop[0].cpu().double().numpy(), s.frame.shape[-1]) for s in self.done)

    @cached_property
    def z(self) -> np.ndarray:
        """(K, Cz, s, s) the map fed to each step."""
        return torch.cat([s.z for s in self.done]).float().cpu().numpy()


@torch.inference_mode()
def align(
    model: RedNet,
    image: np.ndarray,
    box: np.ndarray,
    steps: int | None = None,
    *,
    turn: float = 0.0,
    temporal: bool = False,
    state: MemoryState | None = None,
    change_z: Change | None = None,
    enough: Callable[[Tensor, list[Step]], bool] | None = None,
) -> Fit:
    """Find the 68 points of the face in a box.

    image: (H, W, 3) uint8 RGB.
    box: (x0, y0, x1, y1), the tight box of the 68 points in pixels; need not be exact.
    steps: K, by default the preset's.
    turn: of the first crop, degrees clockwise.
    temporal: whether f_tRNN runs: the image is the next frame of a sequence.
    state: `Fit.state` of the frame before, None at the first.
    change_z(z, step): replaces what is fed back, for experiments.
    enough(points before the last step, steps so far): whether to stop before K.
    Raises ValueError for an image or box of the wrong form, or a box outside the image.
    """
    check_image(image)
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    patch, box = Crop.around(box), np.asarray(box, float)
    height, width = image.shape[:2]
    if box[0] >= width or box[1] >= height or box[2] < 0 or box[3] < 0:
        raise ValueError(f"box {box.round(1).tolist()} lies outside the image of {width}x{height} pixels")
    p = model.preset
    first = Crop.around(patch.to_crop(box.reshape(2, 2)).ravel(), margin=p.first_margin, size=p.size, turn=turn)
    device = next(model.parameters()).device
    pixels = torch.from_numpy(patch.take(image)).to(device).permute(2, 0, 1)[None].float() / 255
    crop, place = (torch.as_tensor(c.matrix, dtype=torch.float32, device=device)[None] for c in (first, patch))
    options = {"temporal": temporal, "change_z": change_z, "enough": enough}
    output = model.frame(pixels, crop, state, steps, place=place, **options)
    done, last = output.steps, output.steps[-1]
    points = np.stack([patch.to_frame(s.points[0].cpu().double().numpy()) for s in done]).astype(np.float32)
    return Fit(
        points=points[-1],
        confidence=confidence(last.response_maps, last.crop_points, p.size)[0].cpu().numpy(),
        steps=points,
        patch=patch,
        done=tuple(done),
        state=output.state,
    )
