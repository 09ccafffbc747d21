"""Points to response maps and back, and the maps `z` that are fed back.

A map lies over a square crop of `size` pixels; all points here are in crop pixels, x then y.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

FAINT = -40.0  # logarithm below which a factor of a Gaussian is 0: processors are slow on products smaller than 1e-38


def cell_centres(h: int, size: int, like: Tensor) -> Tensor:
    """Pixel coordinate of the centre of each of h cells over a crop of `size` pixels: (h,)."""
    return (torch.arange(h, device=like.device, dtype=torch.float32) + 0.5) * (size / h) - 0.5


def log_gaussian_rows(points: Tensor, h: int, size: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Logarithms of `gaussian_rows`, of the same shapes."""
    grid = cell_centres(h, size, points)
    across, down = (-((grid - points[..., i, None].float()) ** 2) / (2 * sigma**2) for i in (0, 1))
    return across, down


def gaussian_rows(points: Tensor, h: int, size: int, sigma: float) -> tuple[Tensor, Tensor]:
    """The two factors of `gaussian_maps`, across and down: points (B, L, 2) to (B, L, h) each."""
    across, down = log_gaussian_rows(points, h, size, sigma)
    return tuple(rows.masked_fill(rows < FAINT, -torch.inf).exp() for rows in (across, down))


def gaussian_maps(points: Tensor, h: int, size: int, sigma: float) -> Tensor:
    """Gaussian of height 1 at each point: points (B, L, 2) to (B, L, h, h), channels last; sigma in crop pixels."""
    across, down = (rows.mT.contiguous() for rows in gaussian_rows(points, h, size, sigma))
    return (down[:, :, None] * across[:, None]).movedim(-1, 1)


def spatial_softmax(logits: Tensor) -> Tensor:
    """Each map as a probability over its cells: (B, L, h, w) to the same shape, every map sums to 1, always float32."""
    return logits.float().flatten(2).softmax(-1).view_as(logits)


def decode(maps: Tensor, size: int) -> Tensor:
    """Mean position of each map (soft-argmax): probabilities (B, L, h, w) to points (B, L, 2) (our choice)."""
    h, w = maps.shape[-2:]
    x = (maps.sum(-2) * cell_centres(w, size, maps)).sum(-1)
    y = (maps.sum(-1) * cell_centres(h, size, maps)).sum(-1)
    return torch.stack([x, y], -1)


def confidence(maps: Tensor, points: Tensor, size: int, radius: float = 2.0) -> Tensor:
    """Share of each map (B, L, h, w) within `radius` cells of its point (B, L, 2): (B, L) from 0 to 1 (our choice)."""
    h = maps.shape[-1]
    grid = cell_centres(h, size, maps)
    dx2, dy2 = ((grid - points[..., i, None]) ** 2 for i in (0, 1))
    near = dy2[..., :, None] + dx2[..., None, :] <= (radius * size / h) ** 2
    return (maps * near).sum((-2, -1)).clamp(0, 1)


def label_centres(label_maps: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Centre of the pixels where each landmark is the most confident label, and whether there are any (paper).

    label_maps: (B, L+1, h, w), background first. Returns points (B, L, 2) in crop pixels and found (B, L) bool.
    """
    n = label_maps.shape[1]
    won = F.one_hot(label_maps.argmax(1), n)[..., 1:].movedim(-1, 1).float()
    count = won.sum((-2, -1))
    found = count > 0
    return decode(won / count.clamp(min=1)[..., None, None], size), found


def draw_squares(points: Tensor, found: Tensor, side: int, size: int) -> Tensor:
    """z with a square of value label / L at each found point: (B, L, 2) and (B, L) to (B, 1, size, size) (paper)."""
    n = points.shape[1]
    grid = torch.arange(size, device=points.device, dtype=torch.float32)
    corner = (points - (side - 1) / 2).round()
    inx, iny = (((grid >= corner[..., i, None]) & (grid < corner[..., i, None] + side)) for i in (0, 1))
    inside = (iny[..., :, None] & inx[..., None, :]) & found[..., None, None]
    labels = torch.arange(1, n + 1, device=points.device, dtype=torch.float32) / n
    return (inside * labels[:, None, None]).amax(1, keepdim=True)
