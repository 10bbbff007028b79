"""A model in memory that can be pruned, measured, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from suite.data.drawn import DrawnDocuments
from suite.data.windows import begun_with, calibration_windows, token_ids
from suite.errors import InputError
from suite.library.perplexity import PerplexityResult, perplexity
from suite.library.texts import Text, text_of
from suite.machine import pick_dtype, this_machine
from suite.manifest.rules import check_cell, looks_at_activations
from suite.models.achieved import Pruned
from suite.models.anatomy import Parameter, anatomy_of
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import ModelSource, from_catalogue, from_folder, from_gguf, from_hub
from suite.models.structured import structurally_pruned
from suite.protocol import CONTEXT
from suite.pruning.criteria import CRITERIA, Structure, Variant
from suite.records.experiment import Allocation, Bos, Pattern, Tied

SAMPLES = 128  # windows of a calibration, as the papers of SparseGPT and Wanda have it


@dataclass(frozen=True)
class Request:
    """What a call asks for, by the keys of a manifest (`suite.pruning.request`)."""

    criterion: str
    sparsity: float
    target: str | None
    part: tuple[str, ...] | None
    layers: str | None
    scope: str
    allocation: str
    pattern: str | None
    budget: float | None
    tied: str
    seed: int | None
    variant: str | None = None
    cycles: int | None = None


@dataclass(frozen=True)
class PruningReport:
    """What was pruned.

    Attributes:
        weights: of the target.
        zeros: of them, those zero before among them.
        sparsity: `zeros / weights`.
        model_sparsity: the share of all the model's parameters that was removed.
        seconds: the time it took.
        mask_digest: SHA-256 of the masks; who pruned alike has the same.
        per_tensor: weights and zeros of each tensor by its name.
        masks: for each, a bit a weight in bytes, 1 = survives, the first in the highest bit.
    """

    weights: int
    zeros: int
    sparsity: float
    model_sparsity: float
    seconds: float
    mask_digest: str
    per_tensor: dict[str, tuple[int, int]] = field(repr=False)
    masks: dict[str, Any] = field(repr=False)


class Model:
    """A causal language model and its tokenizer.

    Attributes:
        tokenizer: its tokenizer.
        name: what it is called.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self.name, self.tokenizer = loaded.source.name, loaded.tokenizer

    @property
    def model(self) -> PreTrainedModel:
        """The model of transformers itself: pruned inside of `pruned`."""
        return self._loaded.model

    @property
    def parts(self) -> dict[str, int]:
        """How many weights each part has: `q`, `down`, `lm_head` and so on."""
        found: dict[str, int] = {}
        for parameter in self._loaded.anatomy.parameters:
            found[parameter.part] = found.get(parameter.part, 0) + parameter.weights
        return found

    def perplexity(
        self,
        text: Text = "wikitext-2",
        context: int | None = None,
        windows: int | None = None,
        bos: Bos = "once",
    ) -> PerplexityResult:
        """Its perplexity on a text, as it is: pruned inside `pruned`. See `suite.perplexity`.

        Args:
            context: tokens a window; by default what is usual for the text, 2,048 where it has no usual one.
        """
        source = text_of(text)
        return perplexity(self.model, self.tokenizer, source, context or source.context, windows, bos)

    @contextmanager
    def pruned(
        self,
        criterion: str = "magnitude",
        sparsity: float | None = None,
        target: str | None = None,
        *,
        variant: str | None = None,
        cycles: int | None = None,
        part: tuple[str, ...] | list[str] | None = None,
        layers: str | None = None,
        scope: str = "tensor",
        allocation: str = "uniform",
        pattern: str | None = None,
        budget: float | None = None,
        tied: str = "untie",
        seed: int = 0,
        calibration: Text | None = None,
        samples: int = SAMPLES,
        context: int = CONTEXT,
        calibration_seed: int = 0,
        bos: Bos = "once",
    ) -> Iterator[PruningReport]:
        """Prune the model in place; on leaving the `with` block every weight is back to the bit.

        Args:
            criterion: `magnitude`, `random`, `wanda`, `ria`, `dsnot`, `sparsegpt`, `admm`, `alps`, or a plug-in's; of
                whole layers `block-influence` too, of experts `reap`.
            sparsity: the share of the target's weights to remove, exactly `round(sparsity * n)` of a tensor of n.
            target: `all`, `blocks` (the default), `attention`, `mlp`, `early`, `late`, `embeddings` or `lm_head`.
            variant: `paper` (the default) or `code`, of a criterion whose authors' code does otherwise than its paper.
            cycles: how often a criterion takes turns that does so (`dsnot`: 50).
            part: parts by name in place of a target, as `("q", "down")`; `layers`, as `0-7`, says in which layers.
            scope: what the sparsity counts over: `tensor`, `row`, `global`, or as the paper's code does, `reference`.
            allocation: `uniform`, or `owl` or `block-influence`, which give each layer a sparsity of its own.
            pattern: `2:4`, `4:8`; `neurons`, `layers` or `experts`, which are really taken out.
            budget: a share of the block weights to remove from the target, in place of a sparsity.
            tied: what becomes of a table that embeddings and head share: `untie`, `both`, `skip`.
            seed: of a random mask.
            calibration: the text of a criterion or an allocation that looks at activations, as for `perplexity`.
            samples: windows of the calibration, of `context` tokens, drawn from `calibration_seed`.
            bos: `each` begins every window of the calibration with the tokenizer's BOS.

        Yields:
            What was pruned.

        Raises:
            InputError: an argument is none that the suite knows, or two contradict each other.
            ExperimentError: the criterion fails, as a plug-in's may.
        """
        if pattern in ("2:4", "4:8") and sparsity is None:
            sparsity = 0.5
        if (sparsity is None) == (budget is None):
            raise InputError(
                "how much to prune is either `sparsity` or `budget`, a share from 0 to 1; give one of them"
            )
        if criterion not in CRITERIA:
            raise InputError(f"criterion is one of {', '.join(CRITERIA)}; found {criterion!r}")
        options = CRITERIA[criterion].options(variant, cycles)
        for key, given in (("variant", variant), ("cycles", cycles)):
            if given is not None and key not in options:
                raise InputError(f"criterion {criterion} has no `{key}`; leave it out")
        if cycles is not None and cycles < 1:
            raise InputError(f"criterion {criterion} takes at least one turn, and `cycles` is {cycles}; give more")
        for key, value, words in (
            ("variant", variant, Variant),
            ("pattern", pattern, Pattern),
            ("allocation", allocation, Allocation),
            ("tied", tied, Tied),
        ):
            if value is not None and value not in get_args(words):
                raise InputError(f"{key} is one of {', '.join(get_args(words))}; found {value!r}")
        if not 0 <= (amount := sparsity if sparsity is not None else budget or 0.0) <= 1:
            raise InputError(f"how much to prune is a share from 0 to 1; found {amount!r}")
        parts, target = tuple(part) if part else None, target or (None if part else "blocks")
        if sparsity is None:
            sparsity = self._share(budget or 0.0, self._selected(target, parts, layers, tied))
        request = Request(
            criterion=criterion,
            sparsity=sparsity,
            target=target,
            part=parts,
            layers=layers,
            scope=scope,
            allocation=allocation,
            pattern=pattern,
            budget=budget,
            tied=tied,
            seed=seed if CRITERIA[criterion].drawn else None,
            **options,
        )
        self._check(request)
        windows = self._calibration(request, calibration, samples, context, calibration_seed, bos)
        prune = structurally_pruned if pattern in get_args(Structure) else pruned
        with prune(self._loaded, request, windows) as done:
            yield _report(done)

    def _selected(
        self, target: str | None, part: tuple[str, ...] | None, layers: str | None, tied: str
    ) -> tuple[Parameter, ...]:
        return self._loaded.anatomy.select(target, part, layers, tied)

    def _share(self, budget: float, selected: tuple[Parameter, ...]) -> float:
        """The sparsity that a share of the block weights comes to."""
        total, weights = self._loaded.anatomy.budget(budget), sum(parameter.weights for parameter in selected)
        if total > weights:
            raise InputError(
                f"a budget of {budget:g} is {total:,} of the block weights, more than the {weights:,} of the target"
            )
        return total / weights

    def _check(self, request: Request) -> None:
        values = {**vars(request), "cliff": None, "measure": ("perplexity",)}
        selected = self._selected(request.target, request.part, request.layers, request.tied)
        check_cell(values, selected, self._loaded.source, lambda key: key)

    def _calibration(
        self, request: Request, text: Text | None, samples: int, context: int, seed: int, bos: Bos
    ) -> Tensor | None:
        """The windows that a criterion looks at, int64 [samples, context]; None where it looks at none."""
        if not looks_at_activations(vars(request)):
            return None
        if text is None:
            raise InputError(
                f"{request.criterion} looks at what layers are fed; give `calibration`, a text's name, file or rows"
            )
        source, each = text_of(text), bos == "each"
        taken = context - each
        if source.by_document:
            drawn = DrawnDocuments(source.name, source.documents, source.join, self.tokenizer, special=not each)
            found = drawn.windows(samples, taken, seed)
        else:
            ids = token_ids(source, self.tokenizer, context + 1, special=not each)
            found = calibration_windows(ids, samples, taken, seed)
        return begun_with(self.tokenizer.bos_token_id if each else None, found)

    def restored(self) -> bool:
        """Whether every parameter is, to the bit, what was loaded."""
        return not self._loaded.strays()

    def close(self) -> None:
        """Let go of the memory."""
        self._loaded.close()

    def __repr__(self) -> str:
        return f"<{self.name}: {self._loaded.anatomy.weights:,} parameters, {self._loaded.dtype_name}>"


class InMemory:
    """A copy of a model's values on the host, to restore it from."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._values = {name: value.detach().cpu().clone() for name, value in model.named_parameters()}

    def __call__(self, name: str) -> Tensor:
        return self._values[name]

    def close(self) -> None:
        self._values.clear()


def load(
    model: str | Path | PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None = None,
    *,
    dtype: str = "auto",
    revision: str | None = None,
) -> Model:
    """Load a model for pruning.

    Args:
        model: a name of the catalogue (`smollm2-135m-instruct`); a directory as transformers saves it; a `.gguf` file;
            a repository of the hub (`owner/name`, with `revision`); or a model of transformers that is in memory, with
            its `tokenizer`. Of one in memory the values as they are now are kept on the host, to restore it from.
        dtype: `float32`, `bfloat16`, `float16`, or what suits the hardware.
        revision: the commit of a repository, 40 digits.

    Raises:
        InputError: it cannot be had, or is no model the suite can prune.
    """
    if isinstance(model, PreTrainedModel):
        if tokenizer is None:
            raise InputError("a model in memory is given with its `tokenizer`")
        return Model(_in_memory(model, tokenizer))
    source = _source(model, dtype, revision)
    capability = min((gpu.capability for gpu in this_machine().gpus), default=None)
    on_gpu = capability if torch.cuda.is_available() else None
    return Model(load_model(source, *pick_dtype(dtype, on_gpu, source.stored_dtype)))


def _source(model: str | Path, dtype: str, revision: str | None) -> ModelSource:
    path = Path(model)
    if path.is_dir():
        return from_folder(path.name, path, dtype)
    if path.suffix == ".gguf":
        return from_gguf(path.stem, path, dtype)
    if str(model).count("/") == 1 and not path.exists():
        if revision is None:
            raise InputError(f"a repository of the hub is given with its `revision`, a commit of 40 digits: {model}")
        return from_hub(path.name, str(model), revision, dtype)
    return from_catalogue(str(model), dtype)


def _in_memory(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> LoadedModel:
    config = model.config.to_dict()
    name = getattr(model, "name_or_path", "") or type(model).__name__
    source = ModelSource(str(name), "in memory", config, stored_dtype=str(model.dtype).removeprefix("torch."))
    source.__dict__["anatomy"] = anatomy_of(config)
    model.eval()
    stored: Any = InMemory(model)
    return LoadedModel(source, model, tokenizer, stored, model.dtype, "as it is in memory")


def _report(done: Pruned) -> PruningReport:
    achieved = done.achieved
    return PruningReport(
        weights=achieved.weights,
        zeros=achieved.zeros,
        sparsity=achieved.achieved_sparsity,
        model_sparsity=achieved.model_sparsity,
        seconds=achieved.seconds,
        mask_digest=achieved.mask_digest,
        per_tensor={name: (count.weights, count.zeros) for name, count in achieved.per_tensor.items()},
        masks=dict(done.masks),
    )
