"""The benchmark of a GPU runs on any machine with tiny networks; what it augments on the device keeps its truth."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import torch
from made_steps import rough_face

from redn_lib.presets import COMPACT
from redn_lib.pretrained import about_weights
from redn_lib.training.batches import cut_patch
from redn_lib.training.stages import BoxNoise

SPEC = importlib.util.spec_from_file_location("gpu", Path(__file__).parents[2] / "benchmarks" / "gpu.py")
gpu = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gpu)


def test_small_mode_measures_trains_and_keeps_what_it_did(tmp_path):
    out, weights = tmp_path / "gpu.json", tmp_path / "gpu.safetensors"
    words = ["--small", "--faces", "12", "--device", "cpu", "--out", str(out), "--weights", str(weights)]
    assert gpu.main(words) == 0
    figures = json.loads(out.read_text())
    assert figures["correctness"]["right"] and figures["correctness"]["largest_distance_px"]["images"] < 1e-3
    for name in ("compact", "paper"):
        assert figures[f"speed {name}"]["frame_ms_float32"] > 0 and figures[f"training {name}"]["images_per_s"] > 0
    trained = figures["paper, spatial stage"]
    assert trained["iterations"] == trained["of"] == 8 and len(trained["nme_percent"]) == 3
    assert about_weights(weights)["iterations"] == 8


def test_augmented_faces_keep_their_points():
    torch.manual_seed(0)
    face = cut_patch(rough_face(3, bent=True))
    bank = gpu.Faces([face], torch.device("cpu"))
    batch = bank.batch(64, BoxNoise(), COMPACT)
    assert batch.patches.shape == (64, 3, 224, 224) and batch.patches.dtype == torch.uint8
    mirrored = (batch.points - bank.points).abs().amax((1, 2)) > 1
    assert 16 < mirrored.sum() < 48
    patches, points, visible = bank.mirrored(batch.patches, batch.points, batch.visible)
    twice = (points - batch.points).abs().amax((1, 2)) > 1
    assert torch.equal(patches[twice], batch.patches[twice].flip(-1))
    assert torch.equal(points[twice, 8, 0], 223 - batch.points[twice, 8, 0])
    assert torch.equal(visible[twice][:, 0], batch.visible[twice][:, 16])
    assert 0 < (~batch.visible).any(1).sum() < 64


def test_crops_of_many_faces_are_those_of_one():
    face = cut_patch(rough_face(1))
    points = torch.from_numpy(face.points)[None]
    crop = gpu.noisy_crops(points, BoxNoise(0, 0, 0), COMPACT)[0].numpy()
    alone = gpu.disturbed_crop(face.box, BoxNoise(0, 0, 0), COMPACT, np.random.default_rng(0))
    assert np.allclose(crop, alone, atol=1e-3)
