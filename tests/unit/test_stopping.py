"""A run that is stopped, by Ctrl-C, a cluster's SIGTERM or a loading process that dies, goes on as if undisturbed."""

import gc
import os
import signal
import time
from contextlib import suppress

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


def test_a_loading_process_that_is_killed_ends_the_run_with_a_word(tmp_path):
    batches = Signalled(FACES, STAGE, TINY)
    batches.which = signal.SIGKILL
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(
        OSError, match=r"prepares batches is gone .*fewer --workers; the same command goes on from .*pt"
    ):
        Trainer(tiny(), STAGE, batches, path=path, every=2, workers=1).run()
    for _ in range(10):  # torch may say it again, as late as the system tells it of the dead process: here, not later
        with suppress(RuntimeError):
            gc.collect()
            time.sleep(0.05)
    assert torch.load(path)["iteration"] in (2, 4)
