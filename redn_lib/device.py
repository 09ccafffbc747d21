"""Where to compute, and in which precision to train."""

import torch


def best_device() -> torch.device:
    """CUDA, then Apple's MPS, then the CPU (our choice)."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fast_bfloat16(device: torch.device) -> bool:
    """Whether training in bfloat16 is faster there than in float32 (our choice).

    CUDA: yes. CPU: only with AVX-512; without it bfloat16 is emulated, about 8 times slower. MPS: no.
    """
    if device.type == "cpu":
        return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == "cuda"
