"""The loop's baseline: a cascade of K networks with weights of their own, trained in turn (RQ1)."""

from torch import Tensor, nn

from redn_lib.feedback import Step, feedback_loop
from redn_lib.rednet import Change, FrameOutput, Preset, RedNet
from redn_lib.temporal import MemoryState


class Cascade(nn.Module):
    """K networks, each looking once; what is handed on is the same as in the loop.

    With `only_last` set, the earlier networks are frozen and only the last step is returned: the form in which the
    newest is trained.
    forward as `RedNet`.
    """

    def __init__(self, networks: list[RedNet], only_last: bool):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.only_last = only_last
        for network in networks[: -1 if only_last else None]:
            network.requires_grad_(False)

    @property
    def preset(self) -> Preset:
        return self.networks[0].preset

    def train(self, mode: bool = True) -> "Cascade":
        super().train(mode)
        if self.only_last:
            for network in self.networks[:-1]:
                network.eval()
        return self

    def run_step(self, frame: Tensor, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
        return self.networks[step].one_step(frame, z, 0)

    def forward(
        self,
        patches: Tensor,
        crop: Tensor,
        steps: int | None = None,
        *,
        change_z: Change | None = None,
    ) -> list[Step]:
        said = feedback_loop(
            self.run_step, patches, crop, steps=len(self.networks), change_z=change_z, **self.preset.loop
        )
        return said[-1:] if self.only_last else said

    def frame(
        self,
        patches: Tensor,
        crop: Tensor,
        state: MemoryState | None = None,
        steps: int | None = None,
        *,
        place: Tensor | None = None,
        temporal: bool = False,
        change_z: Change | None = None,
    ) -> FrameOutput:
        """As `RedNet.frame`, of a single picture: a cascade has no memory and keeps no codes."""
        return FrameOutput(self(patches, crop, steps, change_z=change_z), [])
