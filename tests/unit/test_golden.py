"""The network computes what it computed before: outputs that are committed, from fixed weights and images.

A change that is meant to change them makes the file again: python tests/unit/test_golden.py
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from redn_lib.data.samples import astronaut, carphone
from redn_lib.presets import COMPACT, Preset
from redn_lib.pretrained import load_pretrained
from redn_lib.rednet import FrameOutput, RedNet
from redn_lib.tracking.align import align

FILE = Path(__file__).with_name("golden.npz")
SHIPPED_TOLERANCE = 2e-4
"""Of the distance of the outer eye corners."""
TINY_TOLERANCE = 5e-3
"""Of that distance, or of the largest value. Another processor may tip the scales in a pool between two values that are
nearly the same: points then move by up to 1e-3. What changes the meaning moves something by far more.
"""
BOXES = {"astronaut": (175, 82, 272, 180), "carphone": (62, 44, 113, 97)}
TINY = replace(
    COMPACT,
    widths=((4, 6), (6, 8), (8, 8), (10, 10)),
    stem_stride=1,
    regression_width=8,
    size=32,
    sigma=2.0,
    people=3,
    hidden=5,
)


def image(name: str) -> np.ndarray:
    """A photo, or the first frame of a clip, that a package carries."""
    if name == "astronaut":
        return astronaut()
    read, frame = cv2.VideoCapture(str(carphone())).read()
    assert read
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def shipped(name: str) -> dict[str, np.ndarray]:
    """Points of every step of the shipped network: (K, 68, 2)."""
    return {"points": align(load_pretrained(device="cpu"), image(name), np.array(BOXES[name])).steps}


def wave(shape: torch.Size, phase: float) -> torch.Tensor:
    """Numbers in [-1, 1] by a formula that is the same everywhere."""
    index = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(index * 1.7 + index**2 * 0.013 + phase).float().view(shape)


def tiny(preset: Preset) -> RedNet:
    """A network with weights by formula; statistics of each step differ, and z and the memory have a say."""
    net = RedNet(preset).eval()
    for name, value in net.state_dict().items():
        numbers = wave(value.shape, phase=float(sum(name.encode())))
        if name.endswith("running_var"):
            value.copy_(1 + 0.5 * numbers)
        elif name.endswith(("norm.weight", "running_mean")) or value.dim() == 1:
            value.copy_(0.3 * numbers + float(name.endswith("norm.weight")))
        else:
            value.copy_(numbers * (2 / value[0].numel()) ** 0.5)
    net.encoder.state_dict()["z_conv.weight" if net.encoder.z_conv is not None else "stages.0.0.conv.weight"].mul_(3)
    net.state_dict()["regression.out.weight"].mul_(6)
    net.state_dict()["memory.unpool.weight"].mul_(4)
    return net


def tiny_input() -> tuple[torch.Tensor, torch.Tensor]:
    """Clips of three frames (2, 3, 3, 48, 48), and the crop of the first frame (2, 2, 3)."""
    grid = torch.arange(48.0)
    phase = wave((2, 3, 3), 0.5)[..., None, None]
    across = torch.sin(grid / 3 + 2 * phase) * torch.cos(grid[:, None] / 5 - phase)
    crop = torch.tensor([[[1.0, 0.1, 6.0], [-0.1, 1.0, 9.0]], [[1.1, -0.2, 10.0], [0.2, 1.1, 4.0]]])
    return (across + 1) / 2, crop


def of_frame(output: FrameOutput) -> dict[str, np.ndarray]:
    """Points of every step, codes, prior and state of one frame."""
    points = torch.stack([step.points for step in output.steps])
    found = {"points": points, "codes": torch.stack(output.codes)}
    if output.prior is not None:
        last = output.joined[-1]
        found |= {"prior": output.prior.points, "spread": output.prior.spread, "hidden": output.state.hidden}
        found |= {"own spread": last.own_spread, "expected": last.expected, "share": last.share}
    return {name: value.numpy() for name, value in found.items()}


def forward(draw: str) -> dict[str, np.ndarray]:
    clips, crop = tiny_input()
    net = tiny(replace(TINY, form=replace(TINY.form, draw=draw)))
    return {"points": torch.stack([step.points for step in net(clips[:, 0], crop)]).numpy()}


def frame(temporal: bool) -> dict[str, np.ndarray]:
    clips, crop = tiny_input()
    return of_frame(tiny(TINY).frame(clips[:, 0], crop, temporal=temporal))


def last_of_clip() -> dict[str, np.ndarray]:
    return of_frame(tiny(TINY).clip(*tiny_input())[-1])


CASES = {
    "astronaut": lambda: shipped("astronaut"),
    "carphone": lambda: shipped("carphone"),
    "gaussians": lambda: forward("gaussians"),
    "squares": lambda: forward("squares"),
    "softmax": lambda: forward("softmax"),
    "frame": lambda: frame(temporal=False),
    "frame with memory": lambda: frame(temporal=True),
    "clip": last_of_clip,
}


def outputs(case: str) -> dict[str, np.ndarray]:
    """{case/name: values} of one case."""
    with torch.inference_mode():
        return {f"{case}/{name}": value for name, value in CASES[case]().items()}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(FILE) as file:
        return dict(file)


@pytest.mark.parametrize("case", CASES)
def test_same_outputs_as_committed(golden, case):
    new = outputs(case)
    assert set(new) == {name for name in golden if name.startswith(f"{case}/")}
    tolerance = SHIPPED_TOLERANCE if case in BOXES else TINY_TOLERANCE
    apart = {name: distance(golden[name], value) for name, value in new.items()}
    assert {name: value for name, value in apart.items() if not value < tolerance} == {}


def distance(golden: np.ndarray, new: np.ndarray) -> float:
    """Largest difference, in eye distances or in largest values."""
    assert golden.shape == new.shape
    if golden.shape[-2:] != (68, 2):
        return float(np.abs(new - golden).max() / np.abs(golden).max())
    eyes = np.linalg.norm(golden[..., 36, :] - golden[..., 45, :], axis=-1)
    return float((np.linalg.norm(new - golden, axis=-1) / eyes[..., None]).max())


if __name__ == "__main__":
    values = {name: value for case in CASES for name, value in outputs(case).items()}
    np.savez_compressed(FILE, **values)
    print(f"{len(values)} outputs of {len(CASES)} cases written to {FILE.name}")
