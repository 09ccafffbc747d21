"""f_CLS and the split of the code: people, gradients, variance within people, and swaps of C_id."""

from dataclasses import replace

import pytest
import torch
from unit.test_training import FACES, TINY

from redn_lib.identity import UNKNOWN, IdentityClassifier, identity_loss, split, swapped_in, within_share
from redn_lib.rednet import RedNet
from redn_lib.training.batches import Batch, ProceduralFaces, StillBatches
from redn_lib.training.loop import Trainer
from redn_lib.training.objective import decoupling_losses, outcome, partners
from redn_lib.training.stages import Stage

STAGE = Stage(iterations=40, batch=6, group=2, identity_weight=1.0, swap=0.5, warmup=2, rate=4e-3)
PAIRS = [replace(face, person=f"person-{i // 2}") for i, face in enumerate(FACES)]
PRESET = replace(TINY, people=3)


def tiny() -> RedNet:
    torch.manual_seed(0)
    return RedNet(PRESET)


def test_the_parts_of_a_code_are_all_of_it():
    code = torch.rand(2, 8, 4, 4)
    identity, changing = split(code, 3)
    assert identity.shape == (2, 3, 4, 4) and torch.equal(torch.cat([identity, changing], 1), code)


def test_a_swap_takes_the_partners_c_id_and_keeps_c_pe():
    code = torch.rand(4, 6, 2, 2)
    swapped = swapped_in(code, 3, partners(4, 2, code.device))
    assert torch.equal(swapped[0, :3], code[1, :3]) and torch.equal(swapped[3, :3], code[2, :3])
    assert torch.equal(swapped[:, 3:], code[:, 3:])


def test_partners_are_others_of_the_same_group():
    at = partners(12, 4, torch.device("cpu"))
    assert sorted(at.tolist()) == list(range(12))
    assert all(i != j and i // 4 == j // 4 for i, j in enumerate(at.tolist()))


def test_unknown_people_are_left_out_of_the_loss():
    logits = torch.randn(3, 5, requires_grad=True)
    all_known = identity_loss(logits[:2], torch.tensor([1, 4]))
    assert torch.equal(identity_loss(logits, torch.tensor([1, 4, UNKNOWN])), all_known)
    nobody = identity_loss(logits, torch.full((3,), UNKNOWN))
    nobody.backward()
    assert nobody == 0 and logits.grad.abs().sum() == 0


def test_the_classifier_pools_over_places():
    classifier, code = IdentityClassifier(6, 4, 1).eval(), torch.rand(1, 6, 4, 4)
    torch.testing.assert_close(classifier(code), classifier(code.roll((1, 2), (-1, -2))))


@pytest.mark.parametrize("preset", [PRESET], ids=["tiny"])
def test_the_gradient_of_f_cls_reaches_the_encoder_through_c_id_alone(preset):
    model, batches = tiny(), StillBatches(PAIRS, STAGE, preset)
    batch = batches[0]
    batch = Batch(batch.patches.float() / 255, *batch[1:])
    found = outcome(model, batch, STAGE)
    found.identity.backward()
    last = model.encoder.stages[-1][-1].conv.weight.grad
    channels = preset.identity_channels
    assert (last[:channels].abs().sum((1, 2, 3)) > 0).any() and last[channels:].abs().sum() == 0
    assert model.encoder.stages[0][0].conv.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.decoder.parameters())


def test_f_cls_learns_who_is_who():
    preset = replace(PRESET, widths=((8, 8), (16, 16), (16, 16), (32, 32)))
    stage = replace(STAGE, iterations=60, identity_weight=10.0, swap=0.0)
    torch.manual_seed(0)
    model = RedNet(preset)
    trainer = Trainer(model, stage, StillBatches(PAIRS, stage, preset))
    batch = Batch(trainer.batches[0].patches.float() / 255, *trainer.batches[0][1:])
    before = outcome(model, batch, stage).identity.item()
    trainer.run()
    assert outcome(model.train(), batch, stage).identity.item() < 0.8 * before


def test_batches_hold_groups_of_one_person():
    batches = StillBatches(PAIRS, STAGE, PRESET)
    for i in range(5):
        people = batches[i].person.view(-1, 2)
        assert torch.equal(people[:, 0], people[:, 1])
    half = replace(STAGE, batch=8, group=4, procedural=0.5)
    batch = StillBatches(PAIRS, half, PRESET, ProceduralFaces(0, 4))
    made = batch.chosen(3)[4:]
    assert len({face.person for face in made}) == 1 and not (made[0].image == made[1].image).all()
    assert batch[3].person[4:].tolist() == [UNKNOWN] * 4
    known = StillBatches(PAIRS, half, PRESET, ProceduralFaces(0, 4, people=2))
    assert [known[i].person[4].item() for i in range(3)] == [3, 4, 3]


def test_a_batch_of_broken_groups_is_refused():
    with pytest.raises(ValueError, match="must be a multiple of 4"):
        Trainer(tiny(), replace(STAGE, group=4), [])


def test_the_share_of_variance_within_people_has_its_values():
    people, frames = torch.randn(50, 1, 4), torch.randn(50, 6, 4)
    assert within_share(people.expand(-1, 6, -1)) < 0.01
    assert within_share(frames - frames.mean(1, keepdim=True)) > 0.99
    assert 0.3 < within_share(people + frames) < 0.6


def test_c_id_and_c_pe_are_kept_apart_by_training():
    preset = replace(PRESET, widths=((8, 8), (16, 16), (16, 16), (32, 32)))
    stage = replace(STAGE, iterations=60, identity_weight=0.0, apart=20.0, swap=0.0)
    torch.manual_seed(0)
    model = RedNet(preset)
    batches = StillBatches(PAIRS, stage, preset)
    batch = Batch(batches[0].patches.float() / 255, *batches[0][1:])

    def loss() -> float:
        output = model.eval().frame(batch.patches, batch.crop, steps=2)
        return decoupling_losses(model, [output], [batch.points], batch.person, stage)[1].item()

    before = loss()
    Trainer(model, stage, batches).run()
    assert loss() < 0.92 * before
