"""What is done to a model before it is measured: pruned, fine-tuned with its mask held, rounded; and undone after."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from suite.data.drawn import DrawnDocuments
from suite.data.windows import begun_with, calibration_windows
from suite.evaluation import memory
from suite.machine import pick_dtype
from suite.models.float8 import float8_products, rounded
from suite.models.loading import LoadedModel
from suite.models.pruned import pruned
from suite.models.structured import structurally_pruned
from suite.pruning.masks import Bits
from suite.pruning.sample import mask_sample
from suite.records.experiment import Calibration, Experiment, Recovery, TextReference
from suite.runner.section import Section
from suite.training.recovery import recovered

FLOAT8 = ("float8-weights", "float8-compute")


@dataclass(frozen=True)
class TextIds:
    """The texts that are learnt from, by the model's own tokenizer: the ids of each, or its documents to draw from.

    `bos` is the token that every window begins with, before one token less of the text; None where none is put there.
    """

    ids: Mapping[TextReference, list[int]]
    documents: Mapping[TextReference, DrawnDocuments] = field(default_factory=dict)
    bos: int | None = None

    def calibration(self, asked: Calibration) -> Tensor:
        """int64 [samples, context]."""
        taken = asked.context - (self.bos is not None)
        if (drawn := self.documents.get(asked.text)) is not None:
            windows = drawn.windows(asked.samples, taken, asked.seed)
        else:
            windows = calibration_windows(self.ids[asked.text], asked.samples, taken, asked.seed)
        return begun_with(self.bos, windows)

    def recovery(self, asked: Recovery) -> list[int]:
        """The tokens that a recovery's windows are drawn from: all of a text; of documents as many as its budget."""
        if (drawn := self.documents.get(asked.text)) is not None:
            return drawn.first(max(asked.tokens, asked.context + 1))
        return self.ids[asked.text]


def transform(
    stack: ExitStack,
    loaded: LoadedModel,
    experiment: Experiment,
    text_ids: TextIds,
    perplexity: Callable[[], float],
    progress: Callable[[str, int, int], None],
) -> Generator[Section, None, dict[str, Bits]]:
    """Do to the model what the experiment asks for; leaving `stack` undoes it.

    Args:
        perplexity: of the evaluation text, of the model as it is; asked along a recovery.
        progress: told of what (`token`, learnt from), how many are done, and how many there will be.

    Yields:
        The record's section of each step that is done.

    Returns:
        The packed mask of each pruned tensor that is still there.
    """
    masks: dict[str, Bits] = {}
    if experiment.precision == "float8-compute":
        float8_products(loaded)  # what cannot be is said before hours go into a recovery
    if experiment.baseline_precision is not None:
        stack.enter_context(loaded.in_dtype(_dtype(loaded, experiment)))
    if not experiment.unpruned:
        memory.reset_peaks()
        calibration = None if experiment.calibration is None else text_ids.calibration(experiment.calibration)
        if experiment.structured:
            done = stack.enter_context(structurally_pruned(loaded, experiment, calibration))
        else:
            done = stack.enter_context(pruned(loaded, experiment, calibration, partial(progress, "tensor")))
        masks = done.masks
        achieved = done.achieved.model_copy(update={"peaks": memory.peaks(loaded.device)})
        if calibration is not None:
            counts = {name: tensor.weights for name, tensor in achieved.per_tensor.items()}
            achieved = achieved.model_copy(update={"mask_sample": mask_sample(masks, counts)})
        if experiment.structured:
            masks = {}  # of the whole model; what remains has none
        yield "pruning", achieved
    if (asked := experiment.recovery) is not None:
        memory.reset_peaks()
        ids, tell = text_ids.recovery(asked), partial(progress, "token")
        learnt = stack.enter_context(recovered(loaded, masks, asked, ids, perplexity, tell, text_ids.bos))
        yield "recovered", learnt.model_copy(update={"peaks": memory.peaks(loaded.device)})
    if experiment.precision == "float8-weights" or experiment.precision == "float8-compute":
        yield "quantisation", stack.enter_context(rounded(loaded, experiment.precision))
    return masks


def _dtype(loaded: LoadedModel, experiment: Experiment) -> torch.dtype:
    """What the model runs in where it is not loaded in it; float8's matrix products want bfloat16."""
    if experiment.precision == "float8-weights":
        return loaded.dtype
    if experiment.precision == "float8-compute":
        return torch.bfloat16
    capability = torch.cuda.get_device_capability(loaded.device) if loaded.device.type == "cuda" else None
    dtype: torch.dtype = getattr(torch, pick_dtype(experiment.precision, capability, loaded.source.stored_dtype)[0])
    return dtype
