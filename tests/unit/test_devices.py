"""Nothing is made on the wrong device: networks on `meta`, whose tensors hold no numbers, and library functions on a
second device that computes (see `made_device`). Either raises where it meets a tensor of the CPU.
"""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_device import SecondDevice
from made_steps import peaked, rough_face, video
from torch import nn

import redn_lib as redn
from redn_lib.crop import PATCH_SIZE
from redn_lib.experiments.curriculum import SMALL
from redn_lib.experiments.measures import Trial, pairs, swap_figures, tracks_of
from redn_lib.experiments.mixes import encode
from redn_lib.experiments.probes import codes_of
from redn_lib.feedback import FeedbackForm
from redn_lib.presets import COMPACT, PAPER
from redn_lib.rednet import RedNet
from redn_lib.training.batches import Batch, StillBatches, cut_patch
from redn_lib.training.grow import fresh
from redn_lib.training.loop import Trainer, follow_norms, freeze
from redn_lib.training.objective import outcome
from redn_lib.training.stages import STAGES, Stage
from redn_lib.widgets.microscope import microscope
from redn_lib.widgets.mixer import code_mixer
from redn_lib.widgets.scrubber import scrubber

PRESETS = [SMALL, COMPACT, PAPER]
SOFT = replace(SMALL, name="soft", form=FeedbackForm("softmax"))
BLANK = replace(SMALL, name="blank", form=FeedbackForm("nothing"))
FACES, AWAY = [rough_face(i, "Ann") for i in range(2)] + [rough_face(i, "Bo") for i in range(2)], "meta"


def without_numbers(preset) -> RedNet:
    """The network with all its parts on `meta`."""
    with torch.device("meta"):
        model = RedNet(replace(preset, people=6, hidden=16))
    return model.to("meta").train()


def batch_without_numbers(stage: Stage) -> Batch:
    shape = (stage.batch, stage.frames) if stage.frames > 1 else (stage.batch,)
    return Batch(
        patches=torch.empty(*shape, 3, PATCH_SIZE, PATCH_SIZE, device="meta"),
        points=torch.empty(*shape, 68, 2, device="meta"),
        crop=torch.empty(stage.batch, 2, 3, device="meta"),
        person=torch.empty(stage.batch, dtype=torch.int64, device="meta"),
        visible=torch.empty(*shape, 68, dtype=torch.bool, device="meta"),
    )


def test_meta_and_cpu_do_not_mix():
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(2, device="meta") + torch.zeros(2)


@pytest.mark.parametrize("preset", [*PRESETS, SOFT, BLANK], ids=lambda preset: preset.name)
def test_images_and_clips(preset):
    model, batch = without_numbers(preset).eval(), batch_without_numbers(Stage(1, 2, frames=2))
    for step in model(batch.patches[:, 0], batch.crop):
        assert {tensor.device.type for tensor in step} == {"meta"}
    for output in model.clip(batch.patches, batch.crop):
        assert output.state.points.is_meta and output.joined[-1].share.is_meta


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_training_step_of_every_stage(preset, name, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())  # it does not know `meta`
    model = without_numbers(preset)
    freeze(model, STAGES[name])
    follow_norms(model, STAGES[name])
    for part in STAGES[name].each:
        part = replace(part, steps=preset.trained_steps, frames=min(part.frames, 2), batch=2 * part.group)
        outcome(model, batch_without_numbers(part), part, swap=part.swap > 0).total.backward()
    gradients = [p.grad for p in model.parameters() if p.requires_grad and p.grad is not None]
    assert gradients and all(gradient.is_meta for gradient in gradients)


@pytest.fixture(scope="module")
def model() -> RedNet:
    return peaked()


@pytest.fixture(scope="module")
def shipped() -> RedNet:
    return redn.load_pretrained(device="cpu")


def test_the_second_device_computes_and_does_not_mix():
    with SecondDevice():
        layer = nn.Linear(3, 2).to(AWAY)
        loss = layer(torch.ones(4, 3, device=AWAY)).square().sum()
        loss.backward()
        assert layer.weight.grad.device.type == AWAY and loss.item() > 0
        assert torch.equal(torch.arange(3, device=AWAY).cpu(), torch.arange(3))
        for mixed in (lambda: layer(torch.ones(4, 3)), lambda: torch.ones(2, device=AWAY) + torch.ones(2)):
            with pytest.raises(RuntimeError, match="same device"):
                mixed()
        with pytest.raises(RuntimeError):
            np.asarray(layer.weight.detach())


def test_images_and_clips_on_a_second_device(shipped):
    clip, box = video(), video()[0].box
    trial = Trial(clip, np.array([[1.2, 0, 5], [0, 1.2, 5]], np.float32), np.ones(len(clip), bool))
    here = redn.align(shipped, clip.frames[0], box), tracks_of(shipped, [trial])[0]
    with SecondDevice():
        away = redn.load_pretrained(device=AWAY)
        there = redn.align(away, clip.frames[0], box, temporal=True), tracks_of(away, [trial])[0]
        assert there[0].state.points.device.type == AWAY
        plain = redn.align(away, clip.frames[0], box)
    assert np.allclose(plain.steps, here[0].steps, atol=1e-3) and np.allclose(there[1], here[1], atol=1e-2)
    assert np.allclose(plain.confidence, here[0].confidence, atol=1e-4)


def test_figures_of_widgets_on_a_second_device():
    with SecondDevice():
        away = redn.load_pretrained(device=AWAY)
        for inside in (None, {"step": 2, "pool": 3, "rank": 1, "point": 36}):
            assert microscope.figure(away, FACES[:3], inside=inside).data
        assert code_mixer.figure(away, FACES[:3]).data
        assert scrubber.figure(away, [video()]).data


def test_measures_on_a_second_device(model):
    patches = [cut_patch(face) for face in FACES]
    here = swap_figures(model, FACES), codes_of(model, patches), encode(model, patches).code
    with SecondDevice():
        away = peaked().to(AWAY)
        there = swap_figures(away, FACES), codes_of(away, patches), encode(away, patches).code.cpu()
    assert here[0] == pytest.approx(there[0], rel=1e-4) and len(pairs(FACES)) == 4
    assert all(torch.allclose(mine, theirs, atol=1e-5) for mine, theirs in zip(here[1:], there[1:], strict=True))


def test_training_on_a_second_device():
    stage = Stage(iterations=2, batch=2, warmup=0)
    batches = StillBatches([cut_patch(face) for face in FACES], stage, SMALL)
    here = Trainer(fresh(SMALL, 0), stage, batches, device="cpu")
    with SecondDevice():
        there = Trainer(fresh(SMALL, 0), stage, batches, device=AWAY)
        there.run()
    here.run()
    assert np.allclose(here.losses, there.losses, rtol=0.05)  # the CPU may train in bfloat16
