"""Weights rounded to 8 bits: E4M3, a scale for each output channel (Micikevicius et al. 2022, arXiv 2209.05433).

At two levels: `float8-weights` rounds the weights and computes in the dtype of the run, the same on every machine;
`float8-compute` multiplies in float8 and rounds the activations as well, a scale for each token, where hardware can.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from suite.errors import ExperimentError
from suite.models.loading import LoadedModel
from suite.models.matrices import matrices
from suite.models.parts import Parameter
from suite.models.stand_in import stand_in
from suite.protocol import LARGEST_E4M3
from suite.records.schema import Quantisation

Level = Literal["float8-weights", "float8-compute"]

E4M3 = torch.float8_e4m3fn
CAPABILITY = (8, 9)  # the first with float8 matrix products
INSTEAD = "take float8-weights, which rounds the weights alone and runs everywhere"


class Rounded(NamedTuple):
    """A rounded tensor: E4M3 codes [outputs, inputs], and float32 scales [outputs, 1], what a row is multiplied by."""

    codes: Tensor
    scales: Tensor

    @property
    def values(self) -> Tensor:
        """Float32 [outputs, inputs]."""
        return self.codes.float() * self.scales

    @property
    def bytes(self) -> int:
        return self.codes.nbytes + self.scales.nbytes


def round_e4m3(weight: Tensor) -> Rounded:
    """Round each weight to the nearest code of its row, ties to the even one; a row's largest magnitude becomes 448.

    Each step is one correctly rounded float32 operation, so the codes are the same bits on every machine. Zeros stay
    zeros; a row of zeros has scale 1.

    Args:
        weight: [outputs, inputs], of any floating dtype.
    """
    wide = weight.float()
    largest = wide.abs().amax(1, keepdim=True)
    # By a tensor: by a number, CUDA multiplies with the inverse, which rounds otherwise.
    scales = largest / torch.full_like(largest, LARGEST_E4M3)
    scales.masked_fill_(scales == 0, 1)
    # A scale too small for all its bits may leave its row above 448, of which a cast makes 448 or NaN, as PyTorch goes.
    return Rounded((wide / scales).clamp_(-LARGEST_E4M3, LARGEST_E4M3).to(E4M3), scales)


@contextmanager
def rounded(loaded: LoadedModel, level: Level) -> Iterator[Quantisation]:
    """Have the linear weights of the blocks rounded while inside, from what they are now; yields what that did.

    Leaving gives them their stored values. Who pruned or trained them before restores them all the same.

    Raises:
        ExperimentError: `float8-compute`, which this machine or this model cannot.
    """
    work = _round_weights if level == "float8-weights" else _compute_rounded
    with ExitStack() as stack:
        started = time.perf_counter()
        tally = _Tally()
        work(stack, loaded, loaded.anatomy.block_linears, tally)
        yield tally.section(level, time.perf_counter() - started)


class RoundedTensors:
    """What a file of the model, rounded as it is now, holds: a tensor by its name, on the CPU.

    Of a linear weight of a block these are its E4M3 codes, by its own name and shape, and their float32 scales by
    `NAME.scale`, which broadcast to it; of anything else its stored values. All of them are called `names`.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._scales = {f"{parameter.name}.scale": parameter.name for parameter in loaded.anatomy.block_linears}
        self._last: tuple[str, Rounded] | None = None  # codes and scales are asked for in turn, and once more to check

    @property
    def names(self) -> set[str]:
        return {parameter.name for parameter in self._loaded.anatomy.parameters} | self._scales.keys()

    def __call__(self, name: str) -> Tensor:
        if name in self._scales:
            return self._rounded(self._scales[name]).scales.cpu()
        if f"{name}.scale" in self._scales:
            return self._rounded(name).codes.cpu()
        return self._loaded.stored(name)

    def _rounded(self, name: str) -> Rounded:
        if self._last is None or self._last[0] != name:
            parameter = self._loaded.anatomy.by_name[name]
            each = [_rounded_of(one) for one in matrices(self._loaded.parameter(name), parameter)]
            self._last = name, _stacked(each, parameter)
        return self._last[1]


def _rounded_of(weight: Any) -> Rounded:
    """The codes of a weight that is rounded: torchao's own tensor has them, and rounding values again gives them."""
    return Rounded(weight.qdata, weight.scale) if hasattr(weight, "qdata") else round_e4m3(weight)


def _stacked(each: list[Rounded], parameter: Parameter) -> Rounded:
    """The matrices of a parameter as it keeps them."""
    codes, scales = ([one.T if parameter.inputs_first else one for one in some] for some in zip(*each, strict=True))
    if not parameter.stacked:
        return Rounded(codes[0].contiguous(), scales[0].contiguous())
    return Rounded(torch.stack(codes), torch.stack(scales))


def _round_weights(stack: ExitStack, loaded: LoadedModel, parameters: tuple[Parameter, ...], tally: _Tally) -> None:
    stack.callback(loaded.restore, [parameter.name for parameter in parameters])
    for parameter in parameters:
        whole = loaded.parameter(parameter.name).data
        stored = matrices(loaded.stored(parameter.name).to(whole.device), parameter)
        found = []
        for weight, kept in zip(matrices(whole, parameter), stored, strict=True):
            before = _before_the_cast(weight, kept)
            found.append(round_e4m3(before))
            weight.copy_(found[-1].values)
            tally.note(before, weight, found[-1])
        tally.tensors += 1


def _before_the_cast(weight: Tensor, stored: Tensor) -> Tensor:
    """The values that the run's dtype holds: the checkpoint's where they were only pruned, so that what is rounded does
    not depend on the dtype that the hardware chose; else a copy of the weight's own."""
    exact = torch.where(weight != 0, stored, torch.zeros_like(stored))
    return exact if torch.equal(exact.to(weight.dtype), weight) else weight.clone()


def _compute_rounded(stack: ExitStack, loaded: LoadedModel, parameters: tuple[Parameter, ...], tally: _Tally) -> None:
    torchao = float8_products(loaded)
    for name in (parameter.name for parameter in parameters):
        layer = loaded.layer(name)
        if not isinstance(layer, nn.Linear):
            raise ExperimentError(
                f"float8-compute multiplies linear layers, and {name} is of a {type(layer).__name__}; {INSTEAD}"
            )
        weight = _for_products(torchao, name, layer.weight)
        found = _rounded_of(weight)
        tally.note(layer.weight, found.values.to(layer.weight.dtype), found)
        tally.tensors += 1
        stack.enter_context(stand_in(layer, weight, partial(loaded.stored, name)))


def float8_products(loaded: LoadedModel) -> Any:
    """The library that multiplies in float8, where the model lies on a GPU that can.

    Raises:
        ExperimentError: it cannot.
    """
    capability = loaded.capability
    if capability is None:
        raise ExperimentError(f"float8-compute multiplies on an NVIDIA GPU, and this model is on none; {INSTEAD}")
    if capability < CAPABILITY:
        raise ExperimentError(
            f"float8-compute needs a GPU of compute capability {CAPABILITY[0]}.{CAPABILITY[1]} or newer, and this one "
            f"has {capability[0]}.{capability[1]}; {INSTEAD}"
        )
    try:
        from torchao import quantization
    except ImportError as error:
        raise ExperimentError(
            f"float8-compute needs the library torchao, which cannot be imported ({error}); install it, or {INSTEAD}"
        ) from error
    return quantization


def _for_products(torchao: Any, name: str, weight: Tensor) -> Tensor:
    """A weight as torchao multiplies with it: rounded, and every token of what it meets rounded on the way.

    Raises:
        ExperimentError: this shape or this machine is not what it can do; tried on a token of ones.
    """
    shell = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    shell.weight = nn.Parameter(weight.data, requires_grad=False)
    # Without its settings for PyTorch's compiler, which nobody asks for here: they would hold for the whole process.
    config = torchao.Float8DynamicActivationFloat8WeightConfig(granularity=torchao.PerRow(), set_inductor_config=False)
    try:
        torchao.quantize_(shell, config)
        if not hasattr(shell.weight, "qdata"):
            raise ValueError("its sides are no multiples of 16")
        shell(torch.ones(1, weight.shape[1], dtype=weight.dtype, device=weight.device))
    except (AssertionError, NotImplementedError, RuntimeError, ValueError) as error:
        shape = " x ".join(map(str, weight.shape))
        raise ExperimentError(f"float8-compute cannot multiply with {name} ({shape}): {error}; {INSTEAD}") from error
    return shell.weight.data


class _Tally:
    """What rounding did, tensor by tensor."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self.tensors = self.weights = self.zeros_before = self.zeros = self.bytes = 0
        self.changed = self.whole = 0.0  # sums of squares

    def note(self, before: Tensor, after: Tensor, found: Rounded) -> None:
        for tensor in (found.codes.view(torch.uint8), found.scales):
            self.sha.update(tensor.cpu().contiguous().numpy().tobytes())
        self.weights += before.numel()
        self.zeros_before += int((before == 0).sum())
        self.zeros += int((after == 0).sum())
        self.bytes += found.bytes
        wide = before.float()
        self.changed += float((after.float() - wide).square_().sum(dtype=torch.float64))
        self.whole += float(wide.square_().sum(dtype=torch.float64))

    def section(self, level: Level, seconds: float) -> Quantisation:
        return Quantisation(
            format=level,
            digest=self.sha.hexdigest(),
            tensors=self.tensors,
            weights=self.weights,
            zeros_before=self.zeros_before,
            zeros=self.zeros,
            relative_error=math.sqrt(self.changed / self.whole) if self.whole else 0.0,
            bytes=self.bytes,
            seconds=seconds,
        )
