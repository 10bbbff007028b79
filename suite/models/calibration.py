"""What the linear layers of a model are fed by a calibration text, block by block, while the model is being pruned.

Of each block one thing is kept: what goes into it, on the host (samples x context x width, in the dtype of the run).
Blocks are run again with the arguments they got in a real forward pass of the model (protocol rule 7). As the published
code of SparseGPT and Wanda has it, the statistics of all layers of a block are gathered before the first of them is
pruned, and the block is run once more when all are, for what goes into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # torch does not say that it exports it

from suite.errors import ExperimentError
from suite.models.anatomy import Parameter
from suite.models.experts import expert_inputs
from suite.models.loading import LoadedModel
from suite.models.logits import body_of
from suite.models.passing import hidden_of, passed
from suite.models.statistics import Finish, Gather, sizes_of


def in_order(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Parameters in the order in which a model uses them: by their blocks, the head last."""
    return tuple(sorted(parameters, key=lambda one: (one.layer is None, one.layer, one.name)))


class LayerInputs:
    """A statistic of what each linear layer is fed; the blocks before it are as they are when it is asked for.

    Layers must be asked for block by block, in order: a block's outputs are computed once its weights are pruned. Each
    is asked for once; layers that share their inputs, such as q, k and v, share the statistic, and the work. Each
    expert is a layer of its own, asked for by the name of its matrix.

    Args:
        loaded: the model.
        tokens: int64 [samples, context].
        gather: the statistic.
        wanted: the parameters that will be asked for.
        finish: what is made of it, once, when the first layer that it is of is asked for.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        tokens: Tensor,
        gather: Gather,
        wanted: tuple[Parameter, ...],
        finish: Finish = lambda statistic: statistic,
    ) -> None:
        self._loaded = loaded
        self._gather = gather
        self._wanted = wanted
        self._finish = finish
        self._blocks: list[nn.Module] = list(loaded.blocks)
        self._layer = {name: one.layer for one in wanted for name in one.matrix_names}
        self._next = 0  # the block that self._hidden goes into
        self._statistics: dict[str, _Statistic] = {}
        self._in_tuple = False  # whether blocks give more than hidden states
        self.unseen: set[str] = set()  # matrices of experts that no token went to
        self.unfed: set[str] = set()  # matrices of which nothing came, as their inputs were zero
        self._tokens = tokens
        self._calls = self._arguments(tokens[:1])
        self._hidden = self._first_inputs(tokens)

    @torch.inference_mode()
    def __call__(self, name: str) -> Any:
        """The statistic of the layer whose weight matrix is called `name`; None of an expert that saw no token, and
        where `finish` makes none of it.

        Raises:
            ExperimentError: it is not finite, or nothing can be made of it; or the model does not call the layer.
        """
        layer = self._layer[name]
        if layer is None:
            assert name == self._loaded.head_name, "only layers that are fed by others have inputs to look at"
            layer = len(self._blocks)
        if name not in self._statistics:
            while self._next < layer:
                self._pass()
            self._statistics = self._of_block(layer) if layer < len(self._blocks) else {name: self._of_head()}
        statistic = self._statistics.pop(name)
        if statistic.is_empty:
            if "[" not in name:
                raise ExperimentError(f"the model does not call the layer of {name}, so what it is fed is not known")
            self.unseen.add(name)
            return None
        if (found := statistic.finished(self._finish, name)) is None:
            self.unfed.add(name)
        return found

    def _arguments(self, tokens: Tensor) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """What each block is called with beside the hidden states."""
        calls = []

        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append((args[1:], {key: value for key, value in kwargs.items() if key != "hidden_states"}))

        def look(_: nn.Module, __: Any, output: Any) -> None:
            self._in_tuple = isinstance(output, tuple)

        seen = self._blocks[0].register_forward_hook(look)
        try:
            with torch.inference_mode(), _hooked((block, note) for block in self._blocks):
                self._loaded.model.base_model(tokens.to(self._loaded.device), use_cache=False)
        finally:
            seen.remove()
        return calls

    @torch.inference_mode()
    def _first_inputs(self, tokens: Tensor) -> Tensor:
        """What goes into the first block, on the host: [samples, context, width]."""
        hidden: Tensor | None = None  # filled sample by sample, so that it exists once

        def stop(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            raise _ReachedError(args[0] if args else kwargs["hidden_states"])

        with _hooked([(self._blocks[0], stop)]):
            for index, sample in enumerate(tokens):
                try:
                    self._loaded.model.base_model(sample[None].to(self._loaded.device), use_cache=False)
                except _ReachedError as reached:
                    if hidden is None:
                        hidden = torch.empty(len(tokens), *reached.hidden.shape[1:], dtype=reached.hidden.dtype)
                    hidden[index] = reached.hidden[0]
        assert hidden is not None, "there is at least one sample"
        return hidden

    def _run(self, layer: int) -> Iterator[Tensor]:
        """The outputs of a block, sample by sample, [1, context, width]."""
        block, (args, kwargs) = self._blocks[layer], self._calls[layer]
        device = next(block.parameters()).device
        for sample in self._hidden:
            yield hidden_of(block(sample[None].to(device), *args, **kwargs))

    def _pass(self) -> None:
        """Go through the next block, as it is now: its outputs take the place of its inputs."""
        for index, output in enumerate(self._run(self._next)):
            self._hidden[index] = output[0]
        self._next += 1

    def _of_block(self, layer: int) -> dict[str, _Statistic]:
        """The statistics of all wanted layers of a block, by the names of their weights."""
        found: dict[str, _Statistic] = {}
        seen: list[tuple[Tensor, _Statistic]] = []  # what was fed to a layer of this sample already

        def watch(name: str) -> Callable[..., None]:
            def look(_: nn.Module, args: tuple[Tensor, ...], __: dict[str, Any]) -> None:
                (inputs,) = args
                shared = next((statistic for tensor, statistic in seen if tensor is inputs), None)
                if shared is None:
                    shared = found.setdefault(name, _Statistic())
                    shared.add(self._gather, inputs)
                    seen.append((inputs, shared))
                found[name] = shared

            return look

        def watch_experts(stacks: tuple[Parameter, ...]) -> Callable[..., None]:
            def look(experts: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
                for name, inputs in expert_inputs(experts, stacks, args, kwargs):
                    found.setdefault(name, _Statistic()).add(self._gather, inputs)

            return look

        here = [parameter for parameter in self._wanted if parameter.layer == layer]
        hooks = [(self._loaded.layer(one.name), watch(one.name)) for one in here if not one.stacked]
        stacks: dict[nn.Module, tuple[Parameter, ...]] = {}
        for one in here:
            if one.stacked:
                module = self._loaded.layer(one.name)
                stacks[module] = (*stacks.get(module, ()), one)
        hooks += [(module, watch_experts(some)) for module, some in stacks.items()]
        with _hooked(hooks):
            for _ in self._run(layer):
                seen.clear()
        return {name: found.get(name, _Statistic()) for one in here for name in one.matrix_names}

    def _of_head(self) -> _Statistic:
        """Of what goes into the head: what the model makes of what its last block gave."""
        statistic, blocks = _Statistic(), self._loaded.blocks
        for tokens, sample in zip(self._tokens, self._hidden, strict=True):
            with passed(blocks, len(blocks), lambda sample=sample: sample[None], self._in_tuple):  # type: ignore[misc]
                fed = body_of(self._loaded.model)(tokens[None].to(self._loaded.device))
            statistic.add(self._gather, fed)
        return statistic


class _Statistic:
    """What was gathered of some layers' inputs (nothing, of an expert without tokens), and then what was made of it."""

    def __init__(self) -> None:
        self._value: Any = None
        self._is_finished = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was gathered."""
        return self._value is None

    def add(self, gather: Gather, inputs: Tensor) -> None:
        """One sample's inputs, [..., width]."""
        self._value = gather(self._value, inputs.reshape(-1, inputs.shape[-1]))

    def finished(self, finish: Finish, name: str) -> Any:
        """What `finish` makes of it; `name` is of a layer it is of."""
        if not self._is_finished:
            if not sizes_of(self._value).isfinite().all():
                raise ExperimentError(
                    f"what the calibration text feeds to {name} is not finite in the dtype of the run; "
                    "give the model `dtype: float32`, or bfloat16 where it has it"
                )
            try:
                self._value, self._is_finished = finish(self._value), True
            except LinAlgError as error:
                raise ExperimentError(
                    f"what the calibration text feeds to {name} determines too little to correct its weights by: "
                    f"{str(error).splitlines()[0]}; give more calibration samples, or a more varied text"
                ) from error
        return self._value


@contextmanager
def _hooked(hooks: Any) -> Iterator[None]:
    """Modules with a forward pre-hook each, while inside."""
    handles = [module.register_forward_pre_hook(hook, with_kwargs=True) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _ReachedError(Exception):
    """The first block was reached: the rest of the forward pass is not needed."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.hidden = hidden
