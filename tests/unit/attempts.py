"""Attempts at the exercises, as students make them: right ones written otherwise, wrong ones with words of the verdict.

ATTEMPTS: by the name of an exercise, (right attempts, wrong attempts by words of their diagnosis).
"""

import numpy as np
import torch
from torch.nn import functional as F

from redn_lib.landmarks import MIRROR, SEVEN, mirror_points
from redn_lib.metrics import eye_distance, point_errors
from redn_lib.teach.lesson import load_lesson

L1, L2, L3, L4, L5B = map(load_lesson, ("01", "02", "03", "04", "05b"))
norm = np.linalg.norm


def width_by_hand(p):
    across, down = p[54, 0] - p[48, 0], p[54, 1] - p[48, 1]
    return (across**2 + down**2) ** 0.5 / float(eye_distance(p))


def width_rounded(p):
    return round(float(norm(p[54] - p[48]) / norm(p[45] - p[36])), 4)


def width_complex(p):
    z = p[:, 0] + 1j * p[:, 1]
    return [abs(z[48] - z[54]) / abs(z[36] - z[45])]


MOUTH = (
    [
        width_by_hand,
        width_rounded,
        width_complex,
        lambda p: torch.as_tensor(p[48] - p[54]).norm() / norm(p[36] - p[45]),
    ],
    {
        "60 and 64 are the corners of the inner lips": lambda p: norm(p[60] - p[64]) / norm(p[36] - p[45]),
        "inner eye corners, 39 and 42": lambda p: norm(p[48] - p[54]) / norm(p[42] - p[39]),
        "p[37] to p[46]": lambda p: norm(p[48] - p[54]) / norm(p[37] - p[46]),
        "not p[49] and p[55]": lambda p: norm(p[49] - p[55]) / eye_distance(p),
        "of two mistakes": lambda p: norm(p[49] - p[55]) / norm(p[37] - p[46]),
        "takes only x": lambda p: (p[54, 0] - p[48, 0]) / norm(p[36] - p[45]),
        "in pixels": lambda p: np.sqrt(((p[48] - p[54]) ** 2).sum()),
        "upside down": lambda p: norm(p[36] - p[45]) / norm(p[48] - p[54]),
        "it is in percent": lambda p: 100 * norm(p[48] - p[54]) / norm(p[36] - p[45]),
        "one length is due": lambda p: (p[48] - p[54]) / eye_distance(p),
        "how far the mouth is open": lambda p: norm(p[62] - p[66]) / eye_distance(p),
    },
)


def errors_in_loops(points, truth, eyes=(36, 45)):
    if truth.ndim > 2:
        return [errors_in_loops(p, t, eyes) for p, t in zip(points, truth, strict=True)]
    ruler = norm(truth[eyes[0]] - truth[eyes[1]])
    return [norm(p - t) / ruler for p, t in zip(points, truth, strict=True)]


def errors_in_place(points, truth, eyes=(36, 45)):
    ruler = norm(truth[..., eyes[0], :] - truth[..., eyes[1], :], axis=-1, keepdims=True)
    points -= truth
    points **= 2
    return np.sqrt(points.sum(-1)) / ruler


def errors_in_torch(points, truth, eyes=(36, 45)):
    points, truth = torch.as_tensor(points), torch.as_tensor(truth)
    return (points - truth).norm(dim=-1) / (truth[..., eyes[0], :] - truth[..., eyes[1], :]).norm(dim=-1)[..., None]


ERRORS = (
    [errors_in_loops, errors_in_place, errors_in_torch],
    {
        "use `eyes`": lambda p, t, eyes=(36, 45): norm(p - t, axis=-1) / norm(t[36] - t[45]),
        "use `eyes` ": lambda p, t, eyes=(36, 45): point_errors(p, t),
        "it is in percent": lambda p, t, eyes=(36, 45): 100 * np.array(errors_in_loops(p, t, eyes)),
        "squared distances": lambda p, t, eyes=(36, 45): (
            ((p - t) ** 2).sum(-1) / norm(t[..., eyes[0], :] - t[..., eyes[1], :], axis=-1, keepdims=True)
        ),
        "x and y are added up": lambda p, t, eyes=(36, 45): (
            abs(p - t).sum(-1) / norm(t[..., eyes[0], :] - t[..., eyes[1], :], axis=-1, keepdims=True)
        ),
        "several at once are not: each face needs its own ruler": lambda p, t, eyes=(36, 45): (
            norm(p - t, axis=-1) / norm(t[..., eyes[0], :] - t[..., eyes[1], :])
        ),
        "several at once are not: take the points by": lambda p, t, eyes=(36, 45): (
            norm(p - t, axis=-1) / norm(t[eyes[0]] - t[eyes[1]])
        ),
        "several at once are not: the ruler (N,)": lambda p, t, eyes=(36, 45): (
            norm(p - t, axis=-1) / norm(t[..., eyes[0], :] - t[..., eyes[1], :], axis=-1)
        ),
        "measured on the labels": lambda p, t, eyes=(36, 45): (
            norm(p - t, axis=-1) / norm(p[..., eyes[0], :] - p[..., eyes[1], :], axis=-1)[..., None]
        ),
        "these are pixels": lambda p, t, eyes=(36, 45): np.sqrt(((p - t) ** 2).sum(-1)),
        "the mean already": lambda p, t, eyes=(36, 45): np.mean(errors_in_torch(p, t, eyes).numpy(), axis=-1),
    },
)


def inner_in_place(points, truth):
    errors = point_errors(points, truth)
    errors[:, :17] = 0
    return errors.sum(1) / 51


INNER = (
    [
        inner_in_place,
        lambda p, t: [np.mean([errors_in_loops(a, b)[i] for i in range(17, 68)]) for a, b in zip(p, t, strict=True)],
        lambda p, t: torch.as_tensor(point_errors(p, t))[:, -51:].mean(1),
        lambda p, t: point_errors(p, t)[..., np.arange(17, 68)].mean(axis=-1).round(5),
    ],
    {
        "one point too many": lambda p, t: point_errors(p, t)[:, 16:].mean(-1),
        "17:67 ends before 67": lambda p, t: point_errors(p, t)[:, 17:67].mean(-1),
        "that is the jaw": lambda p, t: point_errors(p, t)[:, :17].mean(-1),
        "before the ruler": lambda p, t: norm(p[:, 17:] - t[:, 17:], axis=-1).mean(-1) / eye_distance(t[:, 17:]),
        "mean over all 68": lambda p, t: point_errors(p, t).mean(-1),
        "not eye distances": lambda p, t: norm(p[:, 17:] - t[:, 17:], axis=-1).mean(-1),
        "one mean of all faces": lambda p, t: point_errors(p, t)[:, 17:].mean(),
        "it is in percent": lambda p, t: 100 * point_errors(p, t)[:, 17:].mean(-1),
        "the mean is missing": lambda p, t: point_errors(p, t)[:, 17:],
    },
)


def flip_in_place(points, width):
    points[..., 0] = width - 1 - points[..., 0]
    return points[..., MIRROR, :]


def flip_in_a_loop(points, width):
    if points.ndim > 2:
        return [flip_in_a_loop(p, width) for p in points]
    return [[width - 1 - points[MIRROR[i], 0], points[MIRROR[i], 1]] for i in range(68)]


def flip_in_torch(points, width):
    out = torch.as_tensor(points)[..., torch.as_tensor(MIRROR), :] * torch.tensor([-1.0, 1])
    return out + torch.tensor([width - 1.0, 0])


FLIP = (
    [flip_in_place, flip_in_a_loop, flip_in_torch, mirror_points],
    {
        "by reversing the list": lambda p, w: np.stack([w - 1 - p[..., 0], p[..., 1]], -1)[..., ::-1, :],
        "; and x is one off": lambda p, w: np.stack([w - p[..., 0], p[..., 1]], -1)[..., ::-1, :],
        "x is one off": lambda p, w: np.stack([w - p[..., MIRROR, 0], p[..., MIRROR, 1]], -1),
        "kept their old names": lambda p, w: np.stack([w - 1 - p[..., 0], p[..., 1]], -1),
        "of two mistakes": lambda p, w: np.stack([w - p[..., 0], p[..., 1]], -1),
        "only the names changed": lambda p, w: p[..., MIRROR, :],
        "flip x, not y": lambda p, w: np.stack([p[..., MIRROR, 0], w - 1 - p[..., MIRROR, 1]], -1),
        "changed its sign": lambda p, w: np.stack([-p[..., MIRROR, 0], p[..., MIRROR, 1]], -1),
        "about its own middle": lambda p, w: np.stack(
            [2 * p[..., :1].mean(-2) - p[..., MIRROR, 0], p[..., MIRROR, 1]], -1
        ),
    },
)


def decode_in_numpy(maps, size):
    maps, h = maps.numpy(), maps.shape[-1]
    c = (np.arange(h) + 0.5) * size / h - 0.5
    return np.stack([(maps * c).sum((-2, -1)), (maps * c[:, None]).sum((-2, -1))], axis=-1)


def decode_in_loops(maps, size):
    c = L2.centres(maps.shape[-1], size)
    return [
        [[sum(m[:, j].sum() * c[j] for j in range(len(c))), sum(m[j].sum() * c[j] for j in range(len(c)))] for m in one]
        for one in maps
    ]


def decode_by_einsum(maps, size):
    c = L2.centres(maps.shape[-1], size)
    return torch.stack([torch.einsum("blyx,x->bl", maps, c), torch.einsum("blyx,y->bl", maps, c)], dim=2)


def decode_by_argmax(maps, size):
    h = maps.shape[-1]
    at = maps.flatten(2).argmax(-1)
    return torch.stack([L2.centres(h, size)[at % h], L2.centres(h, size)[at // h]], -1)


def decode_with(c, reduce=torch.sum, along=-1):
    return lambda maps, size: torch.stack(
        [reduce(maps.sum(d) * c(maps.shape[-1], size), -1) for d in (-2, -1)], dim=along
    )


DECODE = (
    [decode_in_numpy, decode_in_loops, decode_by_einsum],
    {
        "argmax": decode_by_argmax,
        "a mean divides by the number of cells": decode_with(L2.centres, torch.mean),
        "half a cell is forgotten": decode_with(lambda h, s: torch.arange(h) * s / h),
        "stacked in front": decode_with(L2.centres, along=0),
        "x and y are exchanged": lambda m, s: decode_by_einsum(m, s)[..., [1, 0]],
        "numbers of cells": decode_with(lambda h, s: torch.arange(h).float()),
        "no softmax": lambda m, s: decode_by_einsum(torch.softmax(m.flatten(2), -1).reshape(m.shape), s),
    },
)


def decoder_that_pops(self, x, remembered, step):
    for stage in self.stages:
        x = stage(L2.my_unpool(x, remembered.pop()), step)
    return x


def decoder_by_number(self, x, remembered, step):
    for k in range(len(self.stages)):
        x = self.stages[k](F.max_unpool2d(x, remembered[-1 - k], 2), step)
    return x


def decoder_reversed_in_place(self, x, remembered, step):
    remembered.reverse()
    for stage, where in zip(self.stages, remembered, strict=False):
        x = stage.forward(L2.my_unpool(x, where), step)
    return x.numpy()


def decoder_in_order(self, x, remembered, step):
    for stage, where in zip(self.stages, remembered, strict=False):
        x = stage(L2.my_unpool(x, where), step)
    return x


def decoder_convolves_first(self, x, remembered, step):
    for stage, where in zip(self.stages, remembered[::-1], strict=False):
        x = L2.my_unpool(stage(x, step), where)
    return x


def decoder_returns_early(self, x, remembered, step):
    for stage, where in zip(self.stages, reversed(remembered), strict=False):
        x = stage(L2.my_unpool(x, where), step)
        return x


def decoder_at_step_0(self, x, remembered, step):
    for stage, where in zip(self.stages, reversed(remembered), strict=False):
        x = stage(L2.my_unpool(x, where), 0)
    return x


def decoder_without_stages(self, x, remembered, step):
    for where in remembered[::-1][: len(self.stages)]:
        x = L2.my_unpool(x, where)
    return x


def decoder_forgets_x(self, x, remembered, step):
    for stage, where in zip(self.stages, reversed(remembered), strict=False):
        stage(L2.my_unpool(x, where), step)
    return x


DECODER = (
    [decoder_that_pops, decoder_by_number, decoder_reversed_in_place],
    {
        "undo the last pool first": decoder_in_order,
        "unpool first": decoder_convolves_first,
        "return after the loop": decoder_returns_early,
        "`step` is not passed on": decoder_at_step_0,
        "the convolutions of the stages are missing": decoder_without_stages,
        "x was not changed": decoder_forgets_x,
    },
)

PLACE = (
    [
        lambda where, width: np.stack(np.divmod(where.numpy(), width), -1),
        lambda where, width: torch.stack([where.div(width, rounding_mode="floor"), where.remainder(width)], where.ndim),
        lambda where, width: torch.cat([(where // width)[..., None], (where - where // width * width)[..., None]], -1),
    ],
    {
        "row and column are exchanged": lambda where, width: torch.stack([where % width, where // width], -1),
        "// instead of /": lambda where, width: torch.stack([where / width, where % width], -1),
        "stacked in front": lambda where, width: torch.stack([where // width, where % width]),
        "do not halve": lambda where, width: torch.stack([where // (width // 2), where % (width // 2)], -1),
        "nothing is to be added": lambda where, width: torch.stack([where // width + 1, where % width + 1], -1),
        "both numbers are the row": lambda where, width: torch.stack([where // width, where // width], -1),
    },
)


def peak_in_loops(maps, size, before=2, after=3, clamp=True):
    out, h = torch.zeros_like(maps), maps.shape[-1]
    for b, one in enumerate(maps):
        for i, m in enumerate(one):
            r, c = divmod(int(m.argmax()), h)
            top, left = (max(r - before, 0), max(c - before, 0)) if clamp else (r - before, c - before)
            out[b, i, top : r + after, left : c + after] = m[top : r + after, left : c + after]
    return L2.my_decode(out / out.sum((-2, -1), keepdim=True), size)


def peak_in_numpy(maps, size):
    m, h = maps.numpy().copy(), maps.shape[-1]
    top = m.reshape(*m.shape[:2], -1).argmax(-1)
    far = [abs(np.arange(h) - at[..., None]) > 2 for at in (top // h, top % h)]
    m[far[0][..., :, None] | far[1][..., None, :]] = 0
    return decode_in_numpy(torch.from_numpy(m / m.sum((-2, -1), keepdims=True)), size)


def peak_by_pooling(maps, size):
    highest = (maps == maps.amax((-2, -1), keepdim=True)).float()
    maps *= F.max_pool2d(highest, 5, 1, 2)
    maps /= maps.sum((-2, -1), keepdim=True)
    return L2.my_decode(maps, size)


def peak_of_batch(maps, size):
    h = maps.shape[-1]
    r, c = divmod(int(maps[0, 0].argmax()), h)
    near = torch.zeros_like(maps)
    near[..., max(r - 2, 0) : r + 3, max(c - 2, 0) : c + 3] = 1
    near = near * maps
    return L2.my_decode(near / near.sum((-2, -1), keepdim=True), size)


def peak_of_all(maps, size):
    rows, columns = (abs(torch.arange(maps.shape[-1]) - at) <= 2 for at in divmod(int(maps.argmax()), maps.shape[-1]))
    near = maps * rows[:, None] * columns
    return L2.my_decode(near / near.sum((-2, -1), keepdim=True), size)


PEAK = (
    [peak_in_loops, peak_in_numpy, peak_by_pooling],
    {
        "at the border of the map": lambda m, s: peak_in_loops(m, s, clamp=False),
        "r - 2 : r + 2 ends before r + 2": lambda m, s: peak_in_loops(m, s, after=2),
        "each map has its own": peak_of_batch,
        "counted through all maps": peak_of_all,
        "that is a square of 3 x 3": lambda m, s: peak_in_loops(m, s, 1, 2),
        "the highest cell alone": decode_by_argmax,
        "still the mean over the whole map": decode_in_numpy,
        "7 x 7": lambda m, s: peak_in_loops(m, s, 3, 4),
    },
)


def fed_in_a_loop(points, last):
    crops, maps = [], []
    for i in range(len(points)):
        crops.append(L3.my_upright_crop(points[i], last[i]))
        maps.append(L3.my_gaussians(L3.my_to_crop(points[i : i + 1], crops[-1][None]))[0])
    return crops, maps


def fed_by_arrays(points, last):
    crop = torch.stack([L3.my_upright_crop(p, c) for p, c in zip(points, last, strict=True)])
    return [crop.numpy(), L3.my_gaussians(L3.my_to_crop(points, crop)).numpy()]


def fed_in_place(points, last):
    for i in range(len(points)):
        last[i] = L3.my_upright_crop(points[i], last[i])
    return last, L3.my_gaussians(L3.my_to_crop(points, last))


def crops_of(points, last):
    return torch.stack([L3.my_upright_crop(p, c) for p, c in zip(points, last, strict=True)])


FEED = (
    [fed_in_a_loop, fed_by_arrays, fed_in_place],
    {
        "the right parts in the wrong order": lambda p, c: fed_by_arrays(p, c)[::-1],
        "drawn into the old crop": lambda p, c: (crops_of(p, c), L3.my_gaussians(L3.my_to_crop(p, c))),
        "in patch pixels": lambda p, c: (crops_of(p, c), L3.my_gaussians(p)),
        "the crop is still the old one": lambda p, c: (c, L3.my_gaussians(L3.my_to_crop(p, c))),
        "the crops are missing": lambda p, c: L3.my_gaussians(L3.my_to_crop(p, crops_of(p, c))),
        "z is missing": crops_of,
    },
)


def carried_by_hand(points, old, new):
    patch = points @ old[..., :2].transpose(1, 2) + old[:, None, :, 2]
    return (patch - new[:, None, :, 2]) @ torch.linalg.inv(new[..., :2]).transpose(1, 2)


CARRY = (
    [
        carried_by_hand,
        lambda q, old, new: carried_by_hand(q, old, new).numpy(),
        lambda q, old, new: [
            carried_by_hand(a[None], b[None], c[None])[0] for a, b, c in zip(q, old, new, strict=True)
        ],
    ],
    {
        "the way into the new crop is missing": lambda q, old, new: L3.my_to_patch(q, old),
        "from the new crop to the old one": lambda q, old, new: L3.my_to_crop(L3.my_to_patch(q, new), old),
        "not yet in the patch": lambda q, old, new: L3.my_to_crop(q, new),
        "the two directions are exchanged": lambda q, old, new: L3.my_to_patch(L3.my_to_crop(q, old), new),
        "did not move": lambda q, old, new: q,
    },
)


def seven_by_mask(z, step):
    mask = torch.zeros(68)
    mask[list(SEVEN)] = 1
    return z * mask[:, None, None]


def seven_by_copy(z, step):
    z = z.clone()
    z[:, [i for i in range(68) if i not in SEVEN]] = 0
    return z


def seven_in_numpy(z, step):
    out = np.zeros(z.shape)
    for channel in SEVEN:
        out[:, channel] = z[:, channel].numpy()
    return out


def seven_in_place(z, step):
    for channel in range(68):
        if channel not in SEVEN:
            z[:, channel] = 0
    return z


SEVEN_ATTEMPTS = (
    [seven_by_mask, seven_by_copy, seven_in_numpy],
    {
        "you changed z itself: copy it first": seven_in_place,
        "keeps the others": lambda z, step: z - seven_by_mask(z, step),
        "z has not changed": lambda z, step: z,
        "must keep its 68": lambda z, step: z[:, SEVEN],
        "everything is blank": lambda z, step: 0 * z,
        "first seven channels": lambda z, step: torch.cat([z[:, :7], 0 * z[:, 7:]], 1),
    },
)


def share_in_loops(codes):
    people, frames, channels = codes.shape
    mean, shares = codes.mean((0, 1)), []
    for c in range(channels):
        within = total = 0.0
        for p in range(people):
            own = codes[p, :, c].mean()
            within += float(((codes[p, :, c] - own) ** 2).sum())
            total += float(((codes[p, :, c] - mean[c]) ** 2).sum())
        shares.append((within / people / frames) / (total / people / frames + 1e-5))
    return shares


SHARE = (
    [
        share_in_loops,
        lambda c: c.var(1, correction=0).mean(0) / (c.flatten(0, 1).var(0, correction=0) + 1e-5),
        lambda c: c.numpy().var(1).mean(0) / (c.numpy().var((0, 1)) + 1e-5),
    ],
    {
        "correction=0": lambda c: c.var(1).mean(0) / (c.flatten(0, 1).var(0) + 1e-5),
        "without a root": lambda c: (
            c.var(1, correction=0).mean(0).sqrt() / (c.flatten(0, 1).var(0, correction=0).sqrt() + 1e-5)
        ),
        "upside down": lambda c: c.numpy().var((0, 1)) / (c.numpy().var(1).mean(0) + 1e-5),
        "over the frames, dimension 1": lambda c: c.numpy().var(0).mean(0) / (c.numpy().var((0, 1)) + 1e-5),
        "add 1e-5": lambda c: c.var(1, correction=0).mean(0) / c.flatten(0, 1).var(0, correction=0),
        "keep each channel": lambda c: (c.var(1, correction=0).mean(0) / (c.numpy().var((0, 1)) + 1e-5)).mean(),
        "share between the people": lambda c: c.numpy().mean(1).var(0) / (c.numpy().var((0, 1)) + 1e-5),
    },
)


def swap_in_place(code, partner):
    half = code.shape[1] // 2
    code[:, :half] = code[partner, :half]
    return code


def swap_in_a_loop(code, partner):
    half = code.shape[1] // 2
    return [torch.cat([code[int(partner[i]), :half], code[i, half:]]) for i in range(len(code))]


def swap_in_numpy(code, partner):
    identity, pose = np.split(code.numpy(), 2, axis=1)
    return np.concatenate([identity[partner.numpy()], pose], axis=1)


def halves(code):
    return L4.my_split(code)


SWAP = (
    [swap_in_place, swap_in_a_loop, swap_in_numpy],
    {
        "were reversed": lambda c, p: torch.cat([halves(c)[0].flip(0), halves(c)[1]], 1),
        "along the frames": lambda c, p: torch.cat([halves(c)[0][p], halves(c)[1]], 0),
        "these are the two halves": lambda c, p: (halves(c)[0][p], halves(c)[1]),
        "C_pe came from the partner": lambda c, p: torch.cat([halves(c)[0], halves(c)[1][p]], 1),
        "all of the code": lambda c, p: c[p],
        "the wrong way round": lambda c, p: torch.cat([halves(c)[1], halves(c)[0][p]], 1),
        "nothing was exchanged": lambda c, p: torch.cat(halves(c), 1),
    },
)


def way_in_loops(mix, a, b):
    above = below = 0.0
    for m, p, q in zip(mix.tolist(), a.tolist(), b.tolist(), strict=True):
        above += sum((x - y) * (z - y) for x, y, z in zip(m, p, q, strict=True))
        below += sum((z - y) ** 2 for y, z in zip(p, q, strict=True))
    return above / below


def way_in_place(mix, a, b):
    mix -= a
    b -= a
    return (mix * b).sum() / (b**2).sum()


WAY = (
    [
        way_in_loops,
        way_in_place,
        lambda m, a, b: np.vdot((m - a).numpy(), (b - a).numpy()) / np.vdot((b - a).numpy(), (b - a).numpy()),
        lambda m, a, b: torch.linalg.lstsq((b - a).reshape(-1, 1), (m - a).reshape(-1, 1)).solution,
    ],
    {
        "one number for each pair": lambda m, a, b: ((m - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1),
        "divided by its own length": lambda m, a, b: (((m - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1)).mean(),
        "then the mean taken": lambda m, a, b: ((m - a) / (b - a)).mean(),
        "cosine": lambda m, a, b: ((m - a) * (b - a)).sum() / (m - a).norm() / (b - a).norm(),
        "it is in percent": lambda m, a, b: 100 * ((m - a) * (b - a)).sum() / (b - a).norm() ** 2,
        "A is not taken away from the mix": lambda m, a, b: (m * (b - a)).sum() / (b - a).norm() ** 2,
        "sums were divided by sums": lambda m, a, b: (m - a).sum() / (b - a).sum(),
        "a distance counts the movement to the side": lambda m, a, b: (m - a).norm() / (b - a).norm(),
        "the sign is the wrong way round": lambda m, a, b: ((a - m) * (b - a)).sum() / (b - a).norm() ** 2,
        "from B to A": lambda m, a, b: ((m - b) * (a - b)).sum() / (b - a).norm() ** 2,
    },
)


def hold_in_a_loop(points, sure, kept, least):
    return [points[i] if sure[i] >= least else kept[-1][i] for i in range(len(sure))]


def hold_in_place(points, sure, kept, least):
    points[sure < least] = kept[-1][sure < least]
    return points


def hold_by_weights(points, sure, kept, least):
    weight = (sure >= least).float().view(-1, 1, 1)
    return weight * points + (1 - weight) * kept.pop()


def where(sure, points, other):
    return torch.where(sure[:, None, None], points, other)


HOLD = (
    [hold_in_a_loop, hold_in_place, hold_by_weights],
    {
        "is sure, too (>=)": lambda p, s, k, least: where(s > least, p, k[-1]),
        "kept for ever": lambda p, s, k, least: where(s >= least, p, k[0]),
        "wrong way round": lambda p, s, k, least: where(s >= least, k[-1], p),
        "half the way": lambda p, s, k, least: where(s >= least, p, 0.5 * p + 0.5 * k[-1]),
        "each clip decides for itself": lambda p, s, k, least: p if (s >= least).all() else k[-1],
        "mixes by the confidence": lambda p, s, k, least: torch.lerp(k[-1], p, s[:, None, None]),
        "every frame is taken": lambda p, s, k, least: p,
        "does not fit the points": lambda p, s, k, least: torch.where(s >= least, p, k[-1]),
        "the one before the last": lambda p, s, k, least: where(s >= least, p, k[-2]),
    },
)


def lstm_by_slices(sums, c):
    n = c.shape[1]
    i, f, g, o = sums[:, :n], sums[:, n : 2 * n], sums[:, 2 * n : 3 * n], sums[:, 3 * n :]
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return [o.sigmoid() * c.tanh(), c]


def lstm_in_numpy(sums, c):
    i, f, g, o = np.split(sums.numpy(), 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-x)) for x in (i, f, o))
    c = f * c.numpy() + i * np.tanh(g)
    return o * np.tanh(c), c


def lstm_in_place(sums, c):
    i, f, g, o = sums.chunk(4, 1)
    c *= f.sigmoid_()
    c += i.sigmoid_() * g.tanh_()
    return o.sigmoid_() * torch.tanh(c), c


def lstm_ordered(order, out=torch.tanh, new=torch.tanh, keep=lambda f: f):
    def step(sums, c):
        i, f, g, o = (sums.chunk(4, 1)[k] for k in order)
        c = keep(torch.sigmoid(f)) * c + torch.sigmoid(i) * new(g)
        return torch.sigmoid(o) * out(c), c

    return step


RIGHT_ORDER = (0, 1, 2, 3)
LSTM = (
    [lstm_by_slices, lstm_in_numpy, lstm_in_place],
    {
        "input and forget gate are exchanged": lstm_ordered((1, 0, 2, 3)),
        "the order is i, f, g, o": lstm_ordered((0, 1, 3, 2)),
        "times tanh of the cell: the tanh is missing": lstm_ordered(RIGHT_ORDER, out=lambda c: c),
        "a tanh, not a sigmoid": lstm_ordered(RIGHT_ORDER, new=torch.sigmoid),
        "f, not 1 - f": lstm_ordered(RIGHT_ORDER, keep=lambda f: 1 - f),
        "h comes first": lambda s, c: lstm_by_slices(s, c)[::-1],
        "the new cell is missing": lambda s, c: lstm_by_slices(s, c)[0],
        "added whole": lstm_ordered(RIGHT_ORDER, keep=torch.ones_like),
    },
)


def joined_by_variances(logits, own_spread, expected, spread):
    s2, p2 = torch.exp(own_spread) ** 2, torch.exp(spread) ** 2
    share = s2 / (s2 + p2)
    return torch.lerp(logits, L5B.my_bells(expected), share[..., None, None]), share


def joined_in_numpy(logits, own_spread, expected, spread):
    share = 1 / (1 + np.exp(-2 * (own_spread - spread).numpy()))
    weight = share[:, :, None, None]
    return [(1 - weight) * logits.numpy() + weight * L5B.my_bells(expected).numpy(), share]


def joined_in_place(logits, own_spread, expected, spread):
    share = ((own_spread - spread) * 2).sigmoid()
    logits += (L5B.my_bells(expected) - logits) * share.view(*share.shape, 1, 1)
    return logits, share


def joined_with(share_of):
    def join(logits, own, expected, spread):
        share = share_of(own, spread)
        weight = share[..., None, None]
        return (1 - weight) * logits + weight * L5B.my_bells(expected), share

    return join


JOINED = (
    [joined_by_variances, joined_in_numpy, joined_in_place],
    {
        "the spreads are exchanged": joined_with(lambda s, p: torch.sigmoid(2 * (p - s))),
        "the 2 is missing": joined_with(lambda s, p: torch.sigmoid(s - p)),
        "full weight": lambda a, s, e, p: (
            a + torch.sigmoid(2 * (s - p))[..., None, None] * L5B.my_bells(e),
            torch.sigmoid(2 * (s - p)),
        ),
        "the right parts in the wrong order": lambda a, s, e, p: joined_by_variances(a, s, e, p)[::-1],
        "the share is missing": lambda a, s, e, p: joined_by_variances(a, s, e, p)[0],
        "are logarithms": joined_with(lambda s, p: s**2 / (s**2 + p**2)),
        "needs two more axes": lambda a, s, e, p: ((1 - torch.sigmoid(2 * (s - p))) * a, p),
    },
)


def forget_in_place(h, c, cut):
    h[cut] = 0
    c[cut] = 0
    return h, c


def forget_in_a_loop(h, c, cut):
    out = [[torch.zeros_like(row) if gone else row for row, gone in zip(x, cut, strict=True)] for x in (h, c)]
    return tuple(torch.stack(rows) for rows in out)


def forget_in_numpy(h, c, cut):
    keep = 1 - cut.numpy().astype(float)[:, None]
    return h.numpy() * keep, c.numpy() * keep


def forget_all_in_place(h, c, cut):
    h *= 0
    c *= 0
    return h, c


FORGET = (
    [forget_in_place, forget_in_a_loop, forget_in_numpy, lambda h, c, cut: torch.stack([h, c]) * ~cut[:, None]],
    {
        "all clips forget": forget_all_in_place,
        "cut[:, None]": lambda h, c, cut: (h * ~cut, c * ~cut),
        "1 - cut does not work": lambda h, c, cut: (h * (1 - cut[:, None]), c * (1 - cut[:, None])),
        "first h, then c": lambda h, c, cut: forget_in_place(h, c, cut)[::-1],
        "those with a cut must forget": lambda h, c, cut: (h * cut[:, None], c * cut[:, None]),
        "c still holds": lambda h, c, cut: (h * ~cut[:, None], c),
        "nothing was forgotten": lambda h, c, cut: (h, c),
    },
)


def weights_in_a_loop(inputs, units):
    total = 0
    for _gate in "ifgo":
        for _unit in range(units):
            total += inputs + units + 1
    return total


WEIGHTS = (
    [
        weights_in_a_loop,
        lambda x, h: 4 * (h * x + h * h + h),
        lambda x, h: sum(w.numel() for w in torch.nn.LSTM(x, h).parameters()) - 4 * h,
        lambda x, h: torch.tensor(4.0) * h * (x + h + 1),
    ],
    {
        "three were counted": lambda x, h: 3 * h * (x + h + 1),
        "one was counted": lambda x, h: h * (x + h + 1),
        "the bias is missing": lambda x, h: 4 * h * (x + h),
        "two biases": lambda x, h: sum(w.numel() for w in torch.nn.LSTM(x, h).parameters()),
        "what comes back is missing": lambda x, h: 4 * h * (x + 1),
        "not its own alone": lambda x, h: 4 * h * (x + 2),
        "multiply by the units": lambda x, h: 4 * (x + h + 1),
    },
)


def move_in_a_loop(points, sure, kept, least):
    out = points.clone()
    for i in range(len(sure)):
        if sure[i] < least:
            out[i] = 2 * kept[-1][i] - kept[-2][i] if len(kept) >= 2 else kept[-1][i]
    return out


def move_in_place(points, sure, kept, least):
    before = kept[-2] if len(kept) > 1 else kept[-1]
    points[sure < least] = (2 * kept[-1] - before)[sure < least]
    return points


def move_in_numpy(points, sure, kept, least):
    kept = [kept[0], *kept] if len(kept) == 1 else kept
    going = (kept[-1] + kept[-1] - kept[-2]).numpy()
    return np.where((sure >= least).numpy()[:, None, None], points.numpy(), going)


def speed(kept):
    return kept[-1] - kept[-2] if len(kept) > 1 else 0 * kept[-1]


MOVE = (
    [move_in_a_loop, move_in_place, move_in_numpy],
    {
        "this is hold": lambda p, s, k, least: where(s >= least, p, k[-1]),
        "kept[-2] is not there": lambda p, s, k, least: where(s >= least, p, k[-1] + k[-1] - k[-2]),
        "the speed is the wrong way round": lambda p, s, k, least: where(s >= least, p, k[-1] - speed(k)),
        "is sure, too (>=)": lambda p, s, k, least: where(s > least, p, k[-1] + speed(k)),
        "since the first frame": lambda p, s, k, least: where(s >= least, p, 2 * k[-1] - k[0]),
        "the speed counts twice": lambda p, s, k, least: where(s >= least, p, k[-1] + 2 * speed(k)),
        "points are held in every frame": lambda p, s, k, least: k[-1] + speed(k),
    },
)


def effect_in_a_loop(cells, some):
    total = 0
    for there, error in cells.items():
        for part in some:
            error = error if part in there else -error
        total += error
    return 2 * total / len(cells)


def effect_by_halves(cells, some):
    some = set(some)
    even = [e for there, e in cells.items() if len(some - there) % 2 == 0]
    odd = [e for there, e in cells.items() if len(some - there) % 2 == 1]
    return np.mean(even) - np.mean(odd)


def effect_in_torch(cells, some):
    signs = torch.tensor([(-1.0) ** len(set(some).difference(there)) for there in cells])
    return (signs * torch.tensor(list(cells.values()))).mean() * 2


EFFECT = (
    [effect_in_a_loop, effect_by_halves, effect_in_torch],
    {
        "by half of it": lambda c, s: effect_in_a_loop(c, s) / 2,
        "the sign is the wrong way round": lambda c, s: -effect_in_a_loop(c, s),
        "is not divided": lambda c, s: effect_in_a_loop(c, s) * len(c) / 2,
        "always divided by two": lambda c, s: effect_in_a_loop(c, s) * len(c) / 4,
        "not for an interaction": lambda c, s: (
            np.mean([e for t, e in c.items() if set(s) <= t]) - np.mean([e for t, e in c.items() if not set(s) <= t])
        ),
        "use all cells": lambda c, s: c[frozenset(s)] - c[frozenset()],
    },
)

INTERACTION = (
    [
        lambda none, a, b, both: 0.5 * (none - a - b + both),
        lambda none, a, b, both: np.diff([a - none, both - b])[0] / 2 if np.ndim(a) == 0 else (both - b - a + none) / 2,
        lambda none, a, b, both: ((both - a) - (b - none)) / 2,
    ],
    {
        "it is twice as large": lambda none, a, b, both: both - b - a + none,
        "it is half as large": lambda none, a, b, both: ((both - b) - (a - none)) / 4,
        "this is a ratio": lambda none, a, b, both: (both - b) / (a - none),
        "b is taken away from both": lambda none, a, b, both: ((both - b) - (a - b)) / 2,
        "the sign is the wrong way round": lambda none, a, b, both: ((a - none) - (both - b)) / 2,
        "the effect of A with B": lambda none, a, b, both: both - b,
        "beyond the sum": lambda none, a, b, both: both - none,
        "the main effect of A": lambda none, a, b, both: (a + both) / 2 - (none + b) / 2,
    },
)


def paired_in_a_loop(with_it, without, t):
    d = [a - b for a, b in zip(with_it, without, strict=True)]
    mean = sum(d) / len(d)
    spread = (sum((x - mean) ** 2 for x in d) / (len(d) - 1)) ** 0.5
    return mean, t * spread / len(d) ** 0.5


def paired_in_place(with_it, without, t):
    with_it -= without
    return np.array([with_it.mean(), t * np.sqrt(with_it.var(ddof=1) / with_it.size)])


def paired_in_torch(with_it, without, t):
    d = torch.as_tensor(with_it) - torch.as_tensor(without)
    return [d.mean(), t * d.std() / len(d) ** 0.5]


PAIRED = (
    [paired_in_a_loop, paired_in_place, paired_in_torch],
    {
        "1.96 is for many seeds": lambda w, o, t: (
            np.mean(w - o),
            1.96 * np.std(w - o, ddof=1) / np.sqrt(len(w)),
        ),
        "ddof=1": lambda w, o, t: (np.mean(w - o), t * np.std(w - o) / np.sqrt(len(w))),
        "half the width comes second": lambda w, o, t: paired_in_a_loop(w, o, t)[::-1],
        "t is missing": lambda w, o, t: (np.mean(w - o), np.std(w - o, ddof=1) / np.sqrt(len(w))),
        "were not paired": lambda w, o, t: (
            w.mean() - o.mean(),
            t * np.sqrt((w.var(ddof=1) + o.var(ddof=1)) / len(w)),
        ),
        "the ends of the interval": lambda w, o, t: (
            paired_in_a_loop(w, o, t)[0] - paired_in_a_loop(w, o, t)[1],
            sum(paired_in_a_loop(w, o, t)),
        ),
        "divide by the root of n": lambda w, o, t: (np.mean(w - o), t * np.std(w - o, ddof=1)),
        "the sign is wrong": lambda w, o, t: paired_in_a_loop(o, w, t),
        "half the width is missing": lambda w, o, t: (w - o).mean(),
    },
)


def rulers_in_a_loop(points):
    found = {"box-size": [], "pupils": [], "outer-eyes": []}
    for p in points:
        found["outer-eyes"].append(np.hypot(*(p[45] - p[36])))
        found["pupils"].append(np.hypot(*(p[36:42].mean(0) - p[42:48].mean(0))))
        found["box-size"].append(np.sqrt(np.ptp(p[:, 0]) * np.ptp(p[:, 1])))
    return found


def rulers_in_torch(points):
    p = torch.as_tensor(points)
    sides = p.amax(1) - p.amin(1)
    pupils = p[:, 36:48].unflatten(1, (2, 6)).mean(2)
    return {
        "outer-eyes": torch.dist(p[0, 36], p[0, 45])[None] if len(p) == 1 else (p[:, 36] - p[:, 45]).norm(dim=-1),
        "pupils": (pupils[:, 0] - pupils[:, 1]).norm(dim=-1),
        "box-size": (sides[:, 0] * sides[:, 1]).sqrt(),
    }


def rulers_in_place(points):
    width, height = np.ptp(points[..., 0], 1), np.ptp(points[..., 1], 1)
    points[:, 36] -= points[:, 45]
    first = norm(points[:, 36], axis=1)
    points[:, 36] += points[:, 45]
    middles = points[:, 42:48].mean(1) - points[:, 36:42].mean(1)
    return dict(
        zip(("outer-eyes", "pupils", "box-size"), (first, norm(middles, axis=1), (width * height) ** 0.5), strict=True)
    )


def rulers_but(name, wrong):
    return lambda points: rulers_in_torch(points) | {name: wrong(points)}


def sides(points):
    return points.max(1) - points.min(1)


RULERS = (
    [rulers_in_a_loop, rulers_in_torch, rulers_in_place],
    {
        "takes only x: a face may lean": rulers_but("outer-eyes", lambda p: abs(p[:, 36, 0] - p[:, 45, 0])),
        "the larger side": rulers_but("box-size", lambda p: sides(p).max(-1)),
        "36 and 41 belong to one eye": rulers_but("outer-eyes", lambda p: norm(p[:, 36] - p[:, 41], axis=-1)),
        "the area of the box": rulers_but("box-size", lambda p: sides(p).prod(-1)),
        "the inner corners": rulers_but("outer-eyes", lambda p: norm(p[:, 39] - p[:, 42], axis=-1)),
        "36:41 ends before 41": rulers_but(
            "pupils", lambda p: norm(p[:, 36:41].mean(1) - p[:, 42:47].mean(1), axis=-1)
        ),
        "count from 1": rulers_but("outer-eyes", lambda p: norm(p[:, 37] - p[:, 46], axis=-1)),
        "a dictionary with": lambda p: tuple(rulers_in_torch(p).values()),
    },
)


def lift_in_a_loop(errors, mark, worst):
    order = sorted(range(len(errors)), key=lambda i: errors[i], reverse=True)
    return (sum(bool(mark[i]) for i in order[:worst]) / worst) / (sum(map(bool, mark)) / len(mark))


def lift_in_place(errors, mark, worst):
    errors *= -1
    return mark[errors.argsort()[:worst]].mean() / np.mean(mark)


LIFT = (
    [
        lift_in_a_loop,
        lift_in_place,
        lambda e, m, w: torch.as_tensor(m).float()[torch.as_tensor(e).topk(w).indices].mean() / m.mean(),
        lambda e, m, w: [m[np.argsort(e)[-w:]].mean() / m.mean()],
    ],
    {
        "divide by the share among all": lambda e, m, w: m[np.argsort(-e)[:w]].mean(),
        "the best frames": lambda e, m, w: m[np.argsort(e)[:w]].mean() / m.mean(),
        "sort by error": lambda e, m, w: m[:w].mean() / m.mean(),
        "exchanged": lambda e, m, w: m.mean() / m[np.argsort(-e)[:w]].mean(),
        "numbers of frames, not shares": lambda e, m, w: m[np.argsort(-e)[:w]].sum() / m.sum(),
        "compare with all": lambda e, m, w: m[np.argsort(-e)[:w]].mean() / m[np.argsort(-e)[w:]].mean(),
    },
)


def pts_in_a_loop(points):
    text = "version: 1\nn_points: " + str(len(points)) + "\n{\n"
    for x, y in points:
        text += f"{x + 1:.2f} {y + 1:.2f}\n"
    return text + "}\n"


def pts_in_place(points):
    points += 1
    body = "".join(f"{x} {y}\n" for x, y in points.tolist())
    return f"version:1\nn_points:{len(points)}\n{{\n{body}}}\n"


def pts_but(old, new):
    return lambda points: pts_in_a_loop(points).replace(old, new)


PTS = (
    [
        pts_in_a_loop,
        pts_in_place,
        lambda p: pts_in_a_loop(p.round(1)).replace(" ", "  ").replace("n_points:  ", "n_points: "),
    ],
    {
        "no comma": lambda p: "".join(
            line.replace(" ", ", ") + "\n" if line[:1].isdigit() else line + "\n"
            for line in pts_in_a_loop(p).split("\n")[:-1]
        ),
        "the number of points is missing": lambda p: pts_in_a_loop(p).replace(f"n_points: {len(p)}\n", ""),
        "counts from 1: add it": lambda p: pts_in_a_loop(p - 1),
        "x, then y": lambda p: pts_in_a_loop(p[:, ::-1]),
        "the last line needs its line break": lambda p: pts_in_a_loop(p).rstrip(),
        "line 1 is wrong: the version": pts_but("version: 1", "version: 2"),
        "line 2 is wrong: the number of points": pts_but("n_points", "points"),
        "line 4 is wrong: x y": pts_but(".00", "px"),
        "closing brace": lambda p: pts_in_a_loop(p)[:-2],
    },
)


def step_in_a_loop(weights, x, wanted, rate):
    error = sum(w * value for w, value in zip(weights, x, strict=True)) - wanted
    return [w - rate * 2 * error * value for w, value in zip(weights, x, strict=True)]


def step_in_place(weights, x, wanted, rate):
    weights -= 2 * rate * (weights.dot(x) - wanted) * x
    return weights


def step_by_autograd(weights, x, wanted, rate):
    with torch.enable_grad():
        leaf = torch.tensor(weights, requires_grad=True)
        ((leaf @ torch.tensor(x) - wanted) ** 2).backward()
    return (leaf - rate * leaf.grad).detach()


STEP = (
    [step_in_a_loop, step_in_place, step_by_autograd, lambda w, x, y, r: w + 2 * r * (y - x @ w) * x],
    {
        "the wrong way": lambda w, x, y, r: w + r * 2 * (w @ x - y) * x,
        "the 2 is missing": lambda w, x, y, r: w - r * (w @ x - y) * x,
        "x is missing": lambda w, x, y, r: w - r * 2 * (w @ x - y),
        "the rate is missing": lambda w, x, y, r: w - 2 * (w @ x - y) * x,
        "the output was used": lambda w, x, y, r: w - r * 2 * (w @ x) * x,
        "that is the gradient": lambda w, x, y, r: 2 * (x @ w - y) * x,
        "that is the change of the weights": lambda w, x, y, r: 2 * r * (y - x @ w) * x,
    },
)


def cost_in_a_loop(before, after):
    pairs = list(zip(before, after, strict=True))
    return {"change": sum(a - b for b, a in pairs) / len(pairs), "worse": sum(a > b for b, a in pairs) / len(pairs)}


def cost_but(name, change):
    return lambda before, after: cost_in_a_loop(before, after) | {name: change(before, after)}


COST = (
    [
        cost_in_a_loop,
        lambda b, a: {"worse": np.mean(a - b > 0), "change": a.mean() - b.mean()},
        lambda b, a: {"change": torch.as_tensor(a - b).mean(), "worse": torch.as_tensor(a > b).double().mean()},
    ],
    {
        "the wrong sign": cost_but("change", lambda b, a: b.mean() - a.mean()),
        "is a ratio": cost_but("change", lambda b, a: a.mean() / b.mean()),
        "`>`, not `>=`": cost_but("worse", lambda b, a: (a >= b).mean()),
        "the share is due": cost_but("worse", lambda b, a: sum(a > b)),
        "counts the faces that are better": cost_but("worse", lambda b, a: np.mean(b > a)),
        "counts gains as losses": cost_but("change", lambda b, a: abs(b - a).mean()),
        "a dictionary with": lambda b, a: ((a - b).mean(), (a > b).mean()),
    },
)


def blend_in_a_loop(shipped, tuned, share):
    found = {}
    for name in shipped:
        found[name] = (1 - share) * shipped[name] + share * tuned[name]
    return found


def blend_in_place(shipped, tuned, share):
    for name in shipped:
        shipped[name] += share * (tuned[name] - shipped[name])
    return shipped


def blend_last(shipped, tuned, share):
    for name in shipped:
        found = {name: torch.lerp(shipped[name], tuned[name], share)}
    return found


BLEND = (
    [
        blend_in_a_loop,
        lambda s, t, share: {name: torch.lerp(s[name], t[name], share) for name in s},
        lambda s, t, share: {name: (1 - share) * s[name].numpy() + share * t[name].numpy() for name in t},
    ],
    {
        "you changed the shipped weights": blend_in_place,
        "share and 1 - share": lambda s, t, share: {n: share * s[n] + (1 - share) * t[n] for n in s},
        "only the last": blend_last,
        "the mean of the two": lambda s, t, share: {n: (s[n] + t[n]) / 2 for n in s},
        "count fully": lambda s, t, share: {n: s[n] + share * t[n] for n in s},
        "where it begins is missing": lambda s, t, share: {n: share * (t[n] - s[n]) for n in s},
    },
)

ATTEMPTS = {
    "00 mouth width": MOUTH,
    "01 errors of points": ERRORS,
    "01 the inner 51": INNER,
    "01 flip a face": FLIP,
    "02 maps to points": DECODE,
    "02 the decoder": DECODER,
    "02 which place?": PLACE,
    "02 one hill of two": PEAK,
    "03 points fed back": FEED,
    "03 into the new crop": CARRY,
    "03 seven points in z": SEVEN_ATTEMPTS,
    "04 within share": SHARE,
    "04 the swap": SWAP,
    "04 how far the pose moved": WAY,
    "05 a step of the LSTM": LSTM,
    "05 a cut in some of the clips": FORGET,
    "05 how many weights": WEIGHTS,
    "05b hold": HOLD,
    "05b maps joined with the prior": JOINED,
    "05b hold, and move on": MOVE,
    "06 an effect from all cells": EFFECT,
    "06 the interaction": INTERACTION,
    "06 an interval from pairs": PAIRED,
    "07 three rulers": RULERS,
    "07 more than its share": LIFT,
    "07 a .pts file": PTS,
    "08 one step": STEP,
    "08 what it costs": COST,
    "08 weights blended": BLEND,
}
