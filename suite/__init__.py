"""The lottery suite: how much of a language model can you delete before it breaks?

As a library:

    import suite

    model = suite.load("smollm2-135m-instruct")
    dense = model.perplexity("wikitext-2", windows=8)
    with model.pruned("magnitude", sparsity=0.3, target="blocks") as report:
        print(report.zeros, model.perplexity("wikitext-2", windows=8).relative_to(dense).value)

What is exported is imported when it is first used: `import suite` alone imports neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.errors import ExperimentError, InputError
    from suite.library.model import Model, PruningReport, load
    from suite.library.modules import PruningHandle, prune_
    from suite.library.perplexity import PerplexityResult, perplexity
    from suite.library.studies import Records, read_records, run

__version__ = "0.1.0"

_EXPORTED = {
    "ExperimentError": "suite.errors",
    "InputError": "suite.errors",
    "Model": "suite.library.model",
    "PerplexityResult": "suite.library.perplexity",
    "PruningHandle": "suite.library.modules",
    "PruningReport": "suite.library.model",
    "Records": "suite.library.studies",
    "load": "suite.library.model",
    "perplexity": "suite.library.perplexity",
    "prune_": "suite.library.modules",
    "read_records": "suite.library.studies",
    "run": "suite.library.studies",
}
__all__ = [
    "ExperimentError",
    "InputError",
    "Model",
    "PerplexityResult",
    "PruningHandle",
    "PruningReport",
    "Records",
    "load",
    "perplexity",
    "prune_",
    "read_records",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_EXPORTED[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
