"""The weight matrices of parameters, each [outputs, inputs], whichever way a model keeps them."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from suite.models.parts import Parameter


def matrices(whole: Tensor, parameter: Parameter) -> tuple[Tensor, ...]:
    """Each matrix of a parameter's tensor, a view [outputs, inputs]."""
    each = whole.unbind(0) if whole.dim() == 3 else (whole,)
    return tuple(one.T if parameter.inputs_first else one for one in each)


class Matrices:
    """The matrices of some parameters, by names (`Parameter.matrix_names`), in the parameters' order."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._places = {
            name: (parameter, number) for parameter in parameters for number, name in enumerate(parameter.matrix_names)
        }

    @property
    def sizes(self) -> dict[str, int]:
        """How many weights each matrix has."""
        return {name: parameter.outputs * parameter.inputs for name, (parameter, _) in self._places.items()}

    def parameter(self, name: str) -> Parameter:
        """The parameter that a matrix is of."""
        return self._places[name][0]

    def kept(self, name: str, whole: Tensor) -> Tensor:
        """A matrix as its parameter's tensor keeps it: contiguous where that is."""
        return whole[self._places[name][1]] if whole.dim() == 3 else whole

    def of(self, name: str, whole: Tensor) -> Tensor:
        """A matrix of its parameter's tensor, a view [outputs, inputs]."""
        return self.turned(name, self.kept(name, whole))

    def turned(self, name: str, matrix: Tensor) -> Tensor:
        """From [outputs, inputs] to what the parameter keeps, and back."""
        return matrix.T if self._places[name][0].inputs_first else matrix
