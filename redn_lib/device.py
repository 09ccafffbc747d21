"""Where to compute: a GPU where there is one, else the CPU."""

import torch


def best_device() -> torch.device:
    """CUDA, then Apple's MPS, then the CPU (our choice)."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
