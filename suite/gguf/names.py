"""Which parameter of the model each tensor of a GGUF file is. Without torch: a plan tells what cannot be read."""

from __future__ import annotations

from suite.errors import InputError
from suite.gguf.header import Header, TensorInfo
from suite.models.anatomy import Anatomy

# Integers, and types that exist only inside a computation: the package `gguf` has no dequantisation of them.
UNREADABLE = ("F64", "I8", "I16", "I32", "I64", "Q8_1", "Q8_K", "Q1_0")


def tensors_by_parameter(header: Header, anatomy: Anatomy) -> dict[str, TensorInfo]:
    """The tensor that fills each parameter, by the names of the package `gguf`.

    Raises:
        InputError: a parameter has no tensor or one of another shape, a tensor is no parameter of the model, or is of
            a type that the package cannot dequantise.
    """
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    family = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == header.architecture)
    known = get_tensor_name_map(family, anatomy.layers)
    left = {tensor.name: tensor for tensor in header.tensors}
    found = {}
    for parameter in anatomy.parameters:
        module, _, suffix = parameter.name.rpartition(".")
        name = f"{known.get_name(module)}.{suffix}"
        if (tensor := left.pop(name, None)) is None:
            raise InputError(f"{header.path} has no tensor {name}, which {anatomy.family} models consist of")
        if tensor.shape != parameter.shape:
            raise InputError(
                f"{header.path}: tensor {name} has shape {list(tensor.shape)}, and its keys ask for "
                f"{list(parameter.shape)}"
            )
        if tensor.type in UNREADABLE:
            raise InputError(
                f"{header.path}: tensor {name} is stored as {tensor.type}, which cannot be dequantised; take a file "
                "of another type, such as Q4_K_M or Q8_0"
            )
        found[parameter.name] = tensor
    if left:
        raise InputError(
            f"{header.path}: tensor {next(iter(left))!r:.80} is no part of a {anatomy.family} model as the "
            "suite knows it; take the model as safetensors"
        )
    return found


def quantisation(header: Header) -> str:
    """The type of the file's matrices; of several all of them, the one of most weights first: `Q4_K and Q6_K`."""
    weights: dict[str, int] = {}
    for tensor in header.tensors:
        if len(tensor.shape) > 1:
            weights[tensor.type] = weights.get(tensor.type, 0) + tensor.weights
    *others, last = sorted(weights, key=lambda kind: (-weights[kind], kind)) or ["F32"]
    return f"{', '.join(others)} and {last}" if others else last
