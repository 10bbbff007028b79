"""Taking layers, MLP neurons and experts out of a loaded model, and putting them back.

Once settled, the loaded model's anatomy, stored values and configuration are the smaller model's, so that whoever
trains, rounds, measures or writes it need not know that it was larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from suite.models.anatomy import Anatomy, Parameter
from suite.models.found import EXPERTS
from suite.models.loading import LoadedModel, Tensors
from suite.models.stand_in import park

INNER = ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "inner_dim")


@dataclass(frozen=True, slots=True)
class Piece:
    """What remains of a parameter: what lies along `side` where `kept` (bool) says so, or all of it."""

    whole: Parameter
    side: int = 0
    kept: Tensor | None = None

    def of(self, tensor: Tensor) -> Tensor:
        if self.kept is None:
            return tensor
        return tensor.index_select(self.side, self.kept.nonzero().squeeze(1).to(tensor.device))

    @property
    def shape(self) -> tuple[int, ...]:
        shape = list(self.whole.shape)
        if self.kept is not None:
            shape[self.side] = int(self.kept.sum())
        return tuple(shape)

    def removed(self) -> Tensor:
        """Which weights of the parameter are out: bool, of its whole shape."""
        if self.kept is None:
            return torch.zeros(self.whole.shape, dtype=torch.bool)
        along = [-1 if side == self.side else 1 for side in range(len(self.whole.shape))]
        return (~self.kept).view(along).expand(self.whole.shape)


class Removal:
    """Takes structures out; leaving the stack puts them back. Nothing of what is out is held on the device.

    Every parameter stays the object it is, so that whoever knows it finds it again.
    """

    def __init__(self, loaded: LoadedModel, stack: ExitStack) -> None:
        self._loaded, self._stack, self._anatomy = loaded, stack, loaded.anatomy
        self._pieces = {parameter.name: Piece(parameter) for parameter in loaded.anatomy.parameters}
        self._removed: frozenset[int] = frozenset()
        self._experts: int | None = None  # how many each layer has left, where some were taken

    def take_neurons(self, layer: int, removed: Tensor) -> None:
        """Take inner neurons of a layer's MLP out: bool [neurons], True = goes."""
        for parameter, side in _along_neurons(self._anatomy, layer):
            along = ~removed.cpu()
            times = parameter.shape[side] // len(along)  # of gate and up in one matrix, a row of each
            piece = self._pieces[parameter.name] = Piece(parameter, side, along.repeat(times))
            held = self._loaded.parameter(parameter.name)
            self._stack.callback(self._loaded.remake, parameter.name)
            held.data = piece.of(held.data)
            module = self._loaded.layer(parameter.name)
            if isinstance(module, Conv1D):
                self._set(module, nf=module.weight.shape[1])

    def take_experts(self, layer: int, removed: Tensor) -> None:
        """Take experts of a layer out, with the router's rows that lead to them: bool [experts], True = goes."""
        kept = ~removed.cpu()
        for parameter in self._anatomy.parameters:
            rows = parameter.shape[0] if parameter.shape else 0
            if parameter.layer == layer and rows == len(kept) and _of_experts(self._loaded, parameter):
                piece = self._pieces[parameter.name] = Piece(parameter, 0, kept)
                held = self._loaded.parameter(parameter.name)
                self._stack.callback(self._loaded.remake, parameter.name)
                held.data = piece.of(held.data)
        for module in self._loaded.blocks[layer].modules():
            for key in EXPERTS:
                if getattr(module, key, None) == len(kept):
                    self._set(module, **{key: int(kept.sum())})
        self._experts = int(kept.sum())

    def take_layers(self, removed: frozenset[int]) -> None:
        """Take whole decoder layers out. Those that remain are counted anew, as their places in the cache are."""
        self._removed = removed
        for parameter in self._anatomy.parameters:
            if parameter.layer in removed:
                self._stack.callback(self._loaded.remake, parameter.name)
                park(self._loaded.parameter(parameter.name))
        whole = self._loaded.blocks
        body, _, own = self._anatomy.places.blocks.rpartition(".")
        left = nn.ModuleList(whole[layer] for layer in self._kept)
        self._set(self._loaded.model.get_submodule(body), **{own: left})
        for place, layer in enumerate(self._kept):
            for module in whole[layer].modules():
                if hasattr(module, "layer_idx"):
                    self._set(module, layer_idx=place)

    def settle(self) -> None:
        """Have the loaded model known as the smaller one, once everything is out."""
        config, kept = self._loaded.model.config, self._kept
        pieces = {
            _named(piece.whole, kept): piece
            for piece in self._pieces.values()
            if piece.whole.layer not in self._removed
        }
        smaller = self._anatomy.reduced(_smaller(pieces, kept), len(kept))
        changes: dict[str, Any] = {"num_hidden_layers": len(kept)}
        for key, value in vars(config).items():  # the kind of each layer, and whatever else is said layer by layer
            if isinstance(value, list) and len(value) == self._anatomy.layers and len(kept) < self._anatomy.layers:
                changes[key] = [value[layer] for layer in kept]
        widths = inner_widths(smaller)
        if len(widths) == 1 and widths != inner_widths(self._anatomy):  # a configuration has one width for all layers
            (smaller.inner,) = widths
            if (said := inner_size(config)) is not None:
                changes[said] = smaller.inner
        if self._experts is not None:
            changes |= {key: self._experts for key in EXPERTS if hasattr(config, key)}
        self._set(config, **changes)
        self._set(self._loaded, anatomy=smaller, stored=_remaining(self._loaded.stored, pieces))

    def removed(self, parameter: Parameter) -> Tensor:
        """Which weights of a parameter of the whole model are out: bool, of its shape."""
        if parameter.layer in self._removed:
            return torch.ones(parameter.shape, dtype=torch.bool)
        return self._pieces[parameter.name].removed()

    @property
    def _kept(self) -> list[int]:
        return [layer for layer in range(self._anatomy.layers) if layer not in self._removed]

    def _set(self, owner: Any, **values: Any) -> None:
        for key, value in values.items():
            self._stack.callback(setattr, owner, key, getattr(owner, key))
            setattr(owner, key, value)


def _of_experts(loaded: LoadedModel, parameter: Parameter) -> bool:
    """Whether a parameter may have a row for each expert: it is a stack or the router's, or lies beside one."""
    beside = parameter.name.rpartition(".")[0]
    every = loaded.anatomy.parameters
    return any((one.stacked or one.part == "router") and one.name.rpartition(".")[0] == beside for one in every)


def _along_neurons(anatomy: Anatomy, layer: int) -> Iterator[tuple[Parameter, int]]:
    """The parameters of a layer's MLP that have a side as long as it has inner neurons, each with that side."""
    for parameter in anatomy.parameters:
        if parameter.layer == layer and parameter.part == "down":
            yield parameter, 0 if parameter.inputs_first else 1
        elif parameter.layer == layer and parameter.part in ("gate", "up", "gate_up"):
            yield parameter, 1 if parameter.inputs_first else 0
            if bias := anatomy.by_name.get(f"{parameter.name.removesuffix('weight')}bias"):
                yield bias, 0


def inner_widths(anatomy: Anatomy) -> set[int]:
    """How many inner neurons the MLPs of a model have."""
    return {parameter.inputs for parameter in anatomy.parameters if parameter.part == "down"}


def inner_size(config: PreTrainedConfig) -> str | None:
    """What a configuration calls the inner width of its MLPs; None where it has no name for it."""
    return next((key for key in INNER if hasattr(config, key)), None)


def _smaller(pieces: Mapping[str, Piece], kept: list[int]) -> Iterator[Parameter]:
    for name, piece in pieces.items():
        layer = piece.whole.layer
        yield replace(piece.whole, name=name, shape=piece.shape, layer=None if layer is None else kept.index(layer))


def _named(parameter: Parameter, kept: list[int]) -> str:
    """A parameter's name once only the layers `kept` are left."""
    if parameter.layer is None:
        return parameter.name
    return parameter.name.replace(f".{parameter.layer}.", f".{kept.index(parameter.layer)}.", 1)


def _remaining(stored: Tensors, pieces: Mapping[str, Piece]) -> Tensors:
    """The stored values of what remains, by the smaller model's own names."""

    def of(name: str) -> Tensor:
        piece = pieces.get(name)  # a tied head has none: it is stored by another name
        return stored(name) if piece is None else piece.of(stored(piece.whole.name))

    return of
