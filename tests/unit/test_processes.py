"""Training in several processes: what one would have learned, and an end with a word when one is gone."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
import torch
from unit.test_training import FACES, TINY

from redn_lib.cli import main
from redn_lib.training import checkpoint, processes
from redn_lib.training.batches import Batch
from redn_lib.training.grow import begun, fresh
from redn_lib.training.loop import Trainer
from redn_lib.training.processes import Alone, Several, gathered, shares_of
from redn_lib.training.stages import Stage

STILLS = Stage(iterations=4, batch=8, warmup=2, procedural=0.5)
CLIPS = replace(STILLS, iterations=2, batch=2, frames=3, procedural=0.0)
STAGES = {
    "stills": STILLS,
    "stills in two pieces": replace(STILLS, accumulate=2),
    "f_CLS": replace(STILLS, group=2, identity_weight=0.1, apart=0.3, swap=0.5, made_people=3),
    "f_tRNN alone": replace(CLIPS, only=("memory",)),
    "clips": replace(CLIPS, identity_weight=0.1, apart=0.3),
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def results(here: Alone) -> dict[str, dict]:
    """Losses and weights after each of STAGES, in full precision so that only the order of sums can differ."""
    found, autocast = {}, torch.autocast
    torch.autocast = lambda *args, **kwargs: nullcontext()
    try:
        for name, stage in STAGES.items():
            model, batches = begun(fresh(TINY, 0), stage, FACES, seed=1, hidden=8)
            trainer = Trainer(model, stage, batches, processes=here)
            found[name] = {"state": trainer.run().state_dict(), "losses": torch.tensor(trainer.losses)}
    finally:
        torch.autocast = autocast
    return found


def save_results(path: Path) -> None:
    with gathered("cpu") as here:
        found = results(here)
        assert here.count == 2
        if here.rank == 0:
            torch.save(found, path)


def in_two_processes(work: Callable, *arguments: object) -> None:
    """Do the work in two processes as torchrun would start them, but forked: nothing has to be imported anew."""
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
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]


def test_two_processes_learn_what_one_learns(tmp_path):
    in_two_processes(save_results, tmp_path / "two.pt")
    one, two = results(Alone("cpu")), torch.load(tmp_path / "two.pt", weights_only=True)
    for name in STAGES:
        alone, joined = one[name]["losses"], two[name]["losses"]
        torch.testing.assert_close(joined[:2], alone[:2], rtol=1e-5, atol=0, msg=f"{name}: {joined} not {alone}")
        torch.testing.assert_close(joined, alone, rtol=0.02, atol=0, msg=f"{name}: {joined} not {alone}")
        for key, value in one[name]["state"].items():
            if "running" in key:
                torch.testing.assert_close(two[name]["state"][key], value, rtol=0.02, atol=0.01, msg=f"{name}: {key}")


def training(folder: Path) -> list[str]:
    """Arguments of `redn` for a short run."""
    options = ["--procedural", "1", "--iterations", "5", "--batch", "2", "--every", "1", "--device", "cpu"]
    return ["train", *options, "--run", str(folder), "--out", str(folder / "w.safetensors")]


@pytest.mark.timeout(900)
def test_a_process_killed_ends_the_run_with_a_word_and_the_same_command_goes_on(tmp_path):
    in_two_processes(main, training(tmp_path / "whole"))
    path = tmp_path / "killed" / "checkpoint.pt"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*torchrun, "-m", "--", "redn_lib.cli", *training(path.parent)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not path.exists():
        assert run.poll() is None, run.stderr.read().decode()
        time.sleep(0.02)
    psutil.Process(run.pid).children()[-1].send_signal(signal.SIGKILL)
    said = run.communicate()[1].decode()
    assert run.returncode != 0 and "has lost the others (" in said and f"goes on from {path}" in said, said
    assert 0 < checkpoint.load(path)["iteration"] < 5 and not (path.parent / "w.safetensors").exists()
    in_two_processes(main, training(path.parent))
    assert (tmp_path / "whole" / "w.safetensors").read_bytes() == (path.parent / "w.safetensors").read_bytes()


def test_a_batch_is_dealt_out_whole_and_pieces_are_of_the_same_pictures():
    batch = Batch(*(torch.arange(8) for _ in range(4)))
    shares = shares_of(batch, 2, 2)
    assert [share.person.tolist() for share in shares] == [[0, 1, 4, 5], [2, 3, 6, 7]]


def test_one_process_needs_no_library_of_several(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with gathered("cpu") as alone:
        assert type(alone) is Alone and alone.count == 1
    with pytest.raises(ValueError, match=r"Lightning Fabric: pip install .*\[multi\]"):
        Several("cpu")


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("GROUP_WORLD_SIZE", "1")
    with pytest.raises(ValueError, match="4 processes on this host but 2 GPUs"):
        Several("cuda")
