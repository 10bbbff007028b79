"""What the linear layers of a model are fed by a calibration text, block by block, while the model is being pruned.

Of each block one thing is kept: what goes into it, on the host (samples x context x width, in the dtype of the run).
Blocks are run again with the arguments they got in a real forward pass of the model (protocol rule 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from suite.models.anatomy import Parameter
from suite.models.loading import HEAD, LoadedModel

Gather = Callable[[Tensor | None, Tensor], Tensor]  # the statistic so far, inputs [tokens, width] -> the statistic


def squared_norms(so_far: Tensor | None, inputs: Tensor) -> Tensor:
    """The squared Euclidean norm of each input over all tokens, float32 [width]: what Wanda wants, squared."""
    found = inputs.float().square().sum(0)
    return found if so_far is None else so_far + found


def gram(so_far: Tensor | None, inputs: Tensor) -> Tensor:
    """X X^T over all tokens, float32 [width, width]: what SparseGPT wants."""
    wide = inputs.float()
    return wide.T @ wide if so_far is None else so_far.addmm_(wide.T, wide)


class LayerInputs:
    """A statistic of what each linear layer is fed; the blocks before it are as they are when it is asked for.

    Layers must be asked for block by block, in order: a block's outputs are computed once its weights are pruned.

    Args:
        loaded: the model.
        tokens: int64 [samples, context].
        gather: the statistic.
        wanted: the parameters that will be asked for.
    """

    def __init__(self, loaded: LoadedModel, tokens: Tensor, gather: Gather, wanted: tuple[Parameter, ...]) -> None:
        self._loaded = loaded
        self._gather = gather
        self._wanted = wanted
        self._blocks: list[nn.Module] = list(cast(nn.ModuleList, loaded.model.base_model.layers))
        self._calls = self._first_inputs(tokens)
        self._next = 0  # the block that self._hidden goes into
        self._statistics: dict[str, Tensor] = {}

    def __call__(self, name: str) -> Tensor:
        """The statistic of the layer whose weight is called `name`."""
        layer = self._loaded.anatomy.by_name[name].layer if name != HEAD else len(self._blocks)
        assert layer is not None, "only layers that are fed by others have inputs to look at"
        if name not in self._statistics:
            self._statistics.clear()
            while self._next < layer:
                self._pass()
            self._look(layer)
        return self._statistics.pop(name)

    @torch.inference_mode()
    def _first_inputs(self, tokens: Tensor) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """Run the model up to its first block for every sample, and once through for the arguments of each block."""
        model, hidden = self._loaded.model.base_model, []
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append((args, kwargs))

        handles = [block.register_forward_pre_hook(note, with_kwargs=True) for block in self._blocks]
        try:
            model(tokens[:1].to(self._loaded.device), use_cache=False)
        finally:
            for handle in handles:
                handle.remove()

        def stop(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            hidden.append((args[0] if args else kwargs["hidden_states"]).cpu())
            raise _ReachedError

        handle = self._blocks[0].register_forward_pre_hook(stop, with_kwargs=True)
        try:
            for sample in tokens:
                try:
                    model(sample[None].to(self._loaded.device), use_cache=False)
                except _ReachedError:
                    continue
        finally:
            handle.remove()
        self._hidden = torch.cat(hidden)
        return [(args[1:], {k: v for k, v in kwargs.items() if k != "hidden_states"}) for args, kwargs in calls]

    def _run(self, layer: int) -> Iterator[Tensor]:
        """The outputs of a block, sample by sample, [1, context, width]."""
        block, (args, kwargs) = self._blocks[layer], self._calls[layer]
        device = next(block.parameters()).device
        for sample in self._hidden:
            found = block(sample[None].to(device), *args, **kwargs)
            yield found[0] if isinstance(found, tuple) else found

    @torch.inference_mode()
    def _pass(self) -> None:
        """Go through the next block, as it is now: its outputs take the place of its inputs."""
        for index, output in enumerate(self._run(self._next)):
            self._hidden[index] = output[0].cpu()
        self._next += 1

    @torch.inference_mode()
    def _look(self, layer: int) -> None:
        """Gather the statistics of all wanted layers of a block, or of the head."""
        if layer == len(self._blocks):
            self._statistics[HEAD] = self._of_head()
            return
        with self._watched(layer):
            for _ in self._run(layer):
                self._seen.clear()

    @contextmanager
    def _watched(self, layer: int) -> Iterator[None]:
        handles = []
        self._seen: list[tuple[Tensor, str]] = []  # layers that share an input, such as q, k and v, share the work
        leaders: dict[str, str] = {}

        def watch(name: str) -> Callable[..., None]:
            def look(_: nn.Module, args: tuple[Tensor, ...]) -> None:
                inputs = args[0]
                leader = next((other for tensor, other in self._seen if tensor is inputs), None)
                leaders[name] = leader or name
                if leader is None:
                    self._seen.append((inputs, name))
                    so_far = self._statistics.get(name)
                    self._statistics[name] = self._gather(so_far, inputs.reshape(-1, inputs.shape[-1]))

            return look

        for parameter in self._wanted:
            if parameter.layer == layer:
                module = self._loaded.model.get_submodule(parameter.name.removesuffix(".weight"))
                handles.append(module.register_forward_pre_hook(watch(parameter.name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        for name, leader in leaders.items():
            self._statistics[name] = self._statistics[leader]

    def _of_head(self) -> Tensor:
        norm_name = self._loaded.anatomy.architecture.final_norm
        norm = self._loaded.model.get_submodule(norm_name)
        device, statistic = next(norm.parameters()).device, None
        for sample in self._hidden:
            statistic = self._gather(statistic, norm(sample.to(device)))
        assert statistic is not None
        return statistic


class _ReachedError(Exception):
    """The first block was reached: the rest of the forward pass is not needed."""
