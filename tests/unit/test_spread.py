"""The share of variance within people over all directions of a code, which a mean over channels overlooks."""

import torch

from redn_lib.identity import CodeSpread, within_share


def hidden_identity(seed: int = 0) -> torch.Tensor:
    """Codes (people, frames, 2) whose channels both vary within people, their difference between people alone."""
    rng = torch.Generator().manual_seed(seed)
    people, frames = torch.randn(400, 1, generator=rng), torch.randn(400, 8, generator=rng)
    return torch.stack([frames + 0.1 * people, frames - 0.1 * people], -1)


def settled(codes: torch.Tensor) -> CodeSpread:
    """The spread after many batches of the codes, in eval mode."""
    spread = CodeSpread(codes.shape[-1], 1)
    for _ in range(50):
        spread(codes)
    return spread.eval()


def test_identity_in_a_direction_of_small_variance_is_found():
    codes = hidden_identity()
    assert within_share(codes) > 0.85
    assert 0.3 < settled(codes)(codes) < 0.7


def test_codes_that_vary_only_within_people_have_a_share_of_one():
    codes = torch.randn(200, 8, 5) @ torch.randn(5, 5)
    codes = codes - codes.mean(1, keepdim=True)
    assert settled(codes)(codes) > 0.999


def test_a_linear_map_of_the_code_does_not_change_the_share():
    codes, mix = hidden_identity(), torch.tensor([[2.0, 1.0], [-0.5, 1.5]])
    torch.testing.assert_close(settled(codes @ mix)(codes @ mix), settled(codes)(codes), atol=0.05, rtol=0)


def test_its_gradient_removes_identity():
    codes = hidden_identity()
    mix = torch.eye(2).requires_grad_()
    spread = settled(codes)
    optimiser = torch.optim.SGD([mix], 0.05)
    spread.train()
    before = spread(codes).item()
    for _ in range(100):
        optimiser.zero_grad()
        (-spread(codes @ mix)).backward()
        optimiser.step()
    assert spread(codes @ mix).item() > before + 0.1


def test_the_covariance_follows_in_training_alone_and_each_step_has_its_own():
    spread = CodeSpread(2, 2)
    spread(hidden_identity(), 1)
    assert spread.covariance[0].abs().sum() == 0 and spread.covariance[1].abs().sum() > 0
    before = spread.covariance.clone()
    spread.eval()(hidden_identity(1), 1)
    assert torch.equal(spread.covariance, before)
