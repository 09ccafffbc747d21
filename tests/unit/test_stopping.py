"""A run that is stopped, by Ctrl-C, a cluster's SIGTERM or a loading process that dies, goes on as if undisturbed."""

import os
import re
import signal
from multiprocessing import get_context

import pytest
import torch
from unit.test_training import FACES, STAGE, TINY, assert_same, tiny

from redn_lib.training.batches import StillBatches
from redn_lib.training.loop import Trainer


class Signalled(StillBatches):
    """Sends a signal to the process that prepares batch 5."""

    which = signal.SIGTERM

    def __getitem__(self, i):
        if i == 5:
            os.kill(os.getpid(), self.which)
        return super().__getitem__(i)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("within", [False, True], ids=["between iterations", "within one"])
def test_a_signal_saves_a_whole_iteration_and_the_run_goes_on(tmp_path, which, within):
    undisturbed = Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY)).run()
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]

    def watch(iteration, figures):
        if within and iteration == 5:
            os.kill(os.getpid(), which)

    batches = (StillBatches if within else Signalled)(FACES, STAGE, TINY)
    batches.which = which
    path = tmp_path / "checkpoint.pt"
    trainer = Trainer(tiny(), STAGE, batches, path=path, every=100, watch=watch)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == before
    assert torch.load(path)["iteration"] == trainer.iteration and trainer.iteration in (5, 6)
    resumed = Trainer(tiny(7), STAGE, StillBatches(FACES, STAGE, TINY), path=path).run()
    assert_same(undisturbed.state_dict(), resumed.state_dict())


def test_a_second_signal_stops_at_once_and_half_an_iteration_is_not_saved(tmp_path):
    def watch(iteration, figures):
        if iteration == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        Trainer(tiny(), STAGE, StillBatches(FACES, STAGE, TINY), path=path, every=2, watch=watch).run()
    assert torch.load(path)["iteration"] == 2


def train_while_a_loading_process_is_killed(path, told):
    """In a process of its own, as torch may raise again later, wherever its signal finds us. Writes what is raised."""
    batches = Signalled(FACES, STAGE, TINY)
    batches.which = signal.SIGKILL
    try:
        Trainer(tiny(), STAGE, batches, path=path, every=2, workers=1).run()
    except OSError as error:
        told.write_text(str(error))
        os._exit(0)


def test_a_loading_process_that_is_killed_ends_the_run_with_a_word(tmp_path):
    path, told = tmp_path / "checkpoint.pt", tmp_path / "told.txt"
    process = get_context("spawn").Process(target=train_while_a_loading_process_is_killed, args=(path, told))
    process.start()
    process.join()
    assert re.search(
        r"prepares batches is gone .*fewer --workers; the same command goes on from .*pt", told.read_text()
    )
    assert torch.load(path)["iteration"] in (2, 4)
