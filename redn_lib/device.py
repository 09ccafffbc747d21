"""Where to compute, and in which precision."""

import torch

torch.backends.cudnn.allow_tf32 = False
"""Convolutions in float32 keep all 24 bits on a GPU, as on the CPU; training is in bfloat16 anyway (our choice)."""


def best_device(wanted: str | torch.device | None = None) -> torch.device:
    """The device wanted; None: CUDA, MPS or the CPU (our choice). Raises ValueError for one that does not compute."""
    if wanted is not None:
        try:
            torch.zeros(1, device=wanted).cpu()
        except Exception as error:  # of other kinds on other devices
            why = str(error).partition("\n")[0]
            raise ValueError(f"device {str(wanted)!r} does not compute here ({why}): name cpu, or none") from error
        return torch.device(wanted)
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


def has_bfloat16(device: torch.device) -> bool:
    """Whether it is a processor with units of its own for bfloat16: AVX-512 BF16 or AMX."""
    with_avx512 = device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX512"
    return with_avx512 and fast_bfloat16(device) and torch.cpu._is_avx512_bf16_supported()
