"""Whether there is room for the matrices that a criterion makes of what layers are fed."""

from __future__ import annotations

import psutil
import torch

from suite.errors import ExperimentError
from suite.machine import this_machine
from suite.models.parts import Parameter
from suite.pruning.criteria import CRITERIA, criterion_label


def check_factoring_fits(criterion: str, selected: tuple[Parameter, ...], device: torch.device) -> None:
    """Refuse a criterion whose matrices cannot fit beside the model, before an hour goes into the layers before.

    Raises:
        ExperimentError: in one sentence, with both sizes.
    """
    effort = CRITERIA[criterion].effort
    widest = max(selected, key=lambda parameter: parameter.inputs)
    needed = effort.matrix_bytes(widest.inputs)
    free = _free_bytes(device)
    if needed > free:
        raise ExperimentError(
            f"{criterion_label(criterion)} needs {needed / 1e9:.1f} GB beside the model for the {widest.inputs:,} "
            f"inputs of {widest.name}, and {free / 1e9:.1f} GB are free; take a criterion that needs less, parts with "
            "fewer inputs, or a larger machine"
        )


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    own = int(psutil.Process().memory_info().rss)
    return min(int(psutil.virtual_memory().available), this_machine().memory - own)
