"""Training in several processes: what one process learns in as many pieces; stopped, it goes on."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from unit.test_training import FACES, TINY, assert_same

from redn_lib.cli import main
from redn_lib.presets import PRESETS
from redn_lib.training.batches import Batch
from redn_lib.training.grow import begun, fresh
from redn_lib.training.loop import Trainer, joined
from redn_lib.training.stages import Stage

STILLS = Stage(iterations=3, batch=4, warmup=2, procedural=0.5)
STAGES = {
    "stills": STILLS,
    "f_CLS": replace(STILLS, batch=8, group=2, identity_weight=0.1, swap=0.5, synthetic_people=3),
    "clips": (CLIPS := replace(STILLS, iterations=2, batch=2, frames=2, procedural=0.0)),
    "both": Stage(iterations=2, warmup=2, parts=(STILLS, replace(CLIPS, share=0.5))),
}


def begun_of(stage: Stage, processes: int) -> tuple:
    """The network with which a stage begins, and the batches of one of the processes."""
    return begun(fresh(TINY, 0), stage, [FACES] * len(stage.each), seed=1, hidden=8, processes=processes)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())  # so that only sums' order differs


class BothShares(torch.utils.data.Dataset):
    """Item i: the batches of both processes in iteration i, one after the other."""

    def __init__(self, shares):
        self.shares = shares

    def __getitem__(self, i):
        first, second = self.shares[2 * i], self.shares[2 * i + 1]
        if isinstance(first, Batch):
            return Batch(*map(torch.cat, zip(first, second, strict=True)))
        return [Batch(*map(torch.cat, zip(*two, strict=True))) for two in zip(first, second, strict=True)]


def save_results(folder: Path) -> None:
    """Train each of STAGES in one of two processes."""
    with joined("cpu") as fabric:
        for name, stage in STAGES.items():
            model, batches = begun_of(stage, fabric.world_size)
            trainer = Trainer(model, stage, batches, fabric=fabric)
            trainer.run()
            state = {name: value for name, value in model.named_parameters()}
            torch.save({"state": state, "losses": trainer.losses}, folder / f"{name}-{fabric.global_rank}.pt")


def start_two(work: Callable, *arguments: object) -> list:
    """Start the work in two processes as torchrun would, but forked: nothing has to be imported again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "GROUP_WORLD_SIZE": 1, "GROUP_RANK": 0}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}

    def start(rank: int) -> None:
        os.environ.update({name: str(value) for name, value in {**shared, "RANK": rank, "LOCAL_RANK": rank}.items()})
        sys.exit(work(*arguments))

    both = [get_context("fork").Process(target=start, args=(rank,)) for rank in range(2)]
    for process in both:
        process.start()
    return both


def exit_codes(both: list) -> list[int]:
    for process in both:
        process.join()
    return [process.exitcode for process in both]


def test_two_processes_learn_what_one_learns_in_two_pieces(tmp_path):
    assert exit_codes(start_two(save_results, tmp_path)) == [0, 0]
    for name, stage in STAGES.items():
        first, second = (torch.load(tmp_path / f"{name}-{rank}.pt") for rank in range(2))
        assert first["losses"] == second["losses"]
        assert_same(first["state"], second["state"])
        model, shares = begun_of(stage, 2)
        parts = tuple(replace(part, accumulate=2) for part in stage.parts)
        trainer = Trainer(model, replace(stage, accumulate=2, parts=parts), BothShares(shares), device="cpu")
        trainer.run()
        torch.testing.assert_close(torch.tensor(first["losses"]), torch.tensor(trainer.losses), rtol=1e-3, atol=0)


def test_two_processes_stopped_by_ctrl_c_go_on_and_write_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "compact", TINY)

    def train(name: str, *options: str) -> list:
        folder = tmp_path / name
        command = ["train", "--procedural", "1", "--iterations", "10", "--batch", "2", "--device", "cpu", *options]
        return start_two(main, [*command, "--run", str(folder), "--out", str(folder / "w.safetensors")])

    assert exit_codes(train("whole")) == [0, 0]
    stopped = train("stopped", "--every", "1")
    path = tmp_path / "stopped/checkpoint.pt"
    while not path.exists():
        assert all(process.is_alive() for process in stopped)
    os.kill(stopped[1].pid, signal.SIGINT)
    assert exit_codes(stopped) in ([130, 130], [0, 0]) and 0 < torch.load(path)["iteration"] <= 10
    assert exit_codes(train("stopped", "--every", "1")) == [0, 0]
    assert (tmp_path / "whole/w.safetensors").read_bytes() == (tmp_path / "stopped/w.safetensors").read_bytes()


def test_a_batch_that_cannot_be_divided_is_refused():
    stage = replace(STILLS, batch=6, accumulate=4)
    with pytest.raises(ValueError, match="a multiple of 4"):
        Trainer(fresh(TINY, 0), stage, [], device="cpu")


def test_one_process_needs_no_library_of_several(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with joined("cpu") as fabric:
        assert fabric is None
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"Lightning Fabric: pip install .*\[multi\]"), joined("cpu"):
        pass


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GROUP_WORLD_SIZE", "1")
    with pytest.raises(ValueError, match="4 processes but 2 GPUs on this host"), joined("cuda"):
        pass
