"""The log of a training run, for TensorBoard."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def tensorboard(folder: Path) -> Iterator:
    """Yields `write(iteration, figures)` for `Trainer(watch=...)`. A run that goes on does so in the same curves.

    Raises ValueError where the package tensorboard is missing.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError("--log needs tensorboard: pip install -c constraints.txt -e '.[log]'") from error
    writer = None

    def write(iteration: int, figures: dict[str, float]) -> None:
        nonlocal writer
        if writer is None:
            writer = SummaryWriter(folder, purge_step=iteration)
        for name, value in figures.items():
            writer.add_scalar(name, value, iteration)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
