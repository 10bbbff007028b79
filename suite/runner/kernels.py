"""What the hardware's 2:4 kernels make of a model that is pruned for them, beside the dense kernels, in one sitting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from suite.models.semi_structured import why_not
from suite.records.experiment import Experiment
from suite.records.schema import SemiStructured

if TYPE_CHECKING:
    from suite.runner.session import Session


def on_kernels(session: Session, experiment: Experiment, names: Iterable[str]) -> SemiStructured:
    """Measure the pruned model again on 2:4 kernels where the hardware has them; say why not elsewhere."""
    if (reason := why_not(session.loaded)) is not None:
        return SemiStructured(why_not=reason)
    raise NotImplementedError
