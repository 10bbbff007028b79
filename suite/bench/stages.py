"""Each stage of the suite beside its ceiling, timed through the functions that a study goes through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import torch
from torch import Tensor

from suite.bench import work
from suite.bench.ceilings import forget
from suite.bench.measured import Ceiling, Stage, StageName
from suite.bench.timing import seconds_of, synchronise
from suite.errors import ExperimentError
from suite.evaluation.decoding import Decoder, captures
from suite.evaluation.generation import greedy
from suite.evaluation.perplexity import token_losses
from suite.interruption import stop_if_asked
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import ModelSource
from suite.needs import gigabytes
from suite.records.experiment import Experiment, TextReference

PROMPT = 8  # tokens
STEPS = 16  # of decoding, after the first new token
TOKENS = {"cpu": 512, "cuda": 2048}  # of the one window that is evaluated: 2048 would keep a processor minutes
WARM = 64  # tokens of a window that wakes everything up
SPARSITY = 0.5

Tell = Callable[[str], None]
Written = tuple[Tensor, float, float]  # tokens, seconds of prefill and of decoding


def half(target: str) -> Experiment:
    """Half of a target's weights pruned by magnitude: what is timed wherever pruning is."""
    nothing = TextReference(name="none", revision="none", join="")
    asked = {"criterion": "magnitude", "target": target, "sparsity": SPARSITY}
    return Experiment(model="timed", revision="none", text=nothing, context=1, **asked)


class Bench:
    """The stages of one model in one dtype. Its rates are `ceilings`, by name, of the device the model lies on."""

    def __init__(self, source: ModelSource, dtype: str, ceilings: dict[str, Ceiling], repeats: int, tell: Tell) -> None:
        self.source, self.dtype, self.ceilings, self.repeats, self.tell = source, dtype, ceilings, repeats, tell
        self.anatomy = source.anatomy

    def __call__(self, files: Sequence[Path]) -> Iterator[Stage]:
        """Measure load, prune, restore, evaluate and generate (on a GPU captured too), each as soon as it is done.

        Args:
            files: the checkpoint's weights, dropped from the page cache before each loading where that can be.

        Raises:
            torch.OutOfMemoryError: it does not fit.
        """
        size = sum(path.stat().st_size for path in files)
        yield self._stage("load", f"{gigabytes(size)} of files", self._loadings(files), size, "files")
        with closing(load_model(self.source, self.dtype, "asked for")) as loaded:
            yield from self._prunings(loaded)
            yield self._evaluation(loaded)
            yield from self._generation(loaded)

    def _stage(self, stage: StageName, what: str, times: Sequence[float], amount: int, ceiling: str) -> Stage:
        return Stage.of(stage, self.dtype, what, times, amount, self.ceilings[ceiling])

    def _loadings(self, files: Sequence[Path]) -> list[float]:
        times = []
        for number in range(self.repeats + 1):
            self._say("load", number)
            stop_if_asked()
            forget(files)
            started = time.perf_counter()
            with closing(load_model(self.source, self.dtype, "asked for")) as loaded:
                synchronise(loaded.device)
                times.append(time.perf_counter() - started)
        return times[1:]  # the first one imports the architecture's module

    def _prunings(self, loaded: LoadedModel) -> Iterator[Stage]:
        """Pruning every linear layer by magnitude, counts and digest included; and making the model whole again."""
        experiment = half("all")
        device, prunings, restorings = loaded.device, [], []
        for number in range(self.repeats + 1):
            self._say("prune", number)
            context = pruned(loaded, experiment)
            prunings.append(seconds_of(context.__enter__, device))
            restorings.append(seconds_of(lambda done=context: done.__exit__(None, None, None), device))  # type: ignore[misc]
        chosen = self.anatomy.select("all", None, None, experiment.tied)
        moved = work.copy_bytes(sum(parameter.weights for parameter in chosen), self.dtype)
        what = f"{len(chosen)} tensors, {SPARSITY:.0%}"
        yield self._stage("prune", what, prunings[1:], moved, "copy")
        yield self._stage("restore", what, restorings[1:], moved, "copy")

    def _evaluation(self, loaded: LoadedModel) -> Stage:
        count = min(TOKENS[loaded.device.type], self.anatomy.context)
        tokens = torch.randint(self.anatomy.vocabulary, (1, count), generator=torch.Generator().manual_seed(0))
        token_losses(loaded.model, tokens[:, :WARM], 1)
        times = []
        for number in range(1, self.repeats + 1):
            self._say("evaluate", number)
            times.append(seconds_of(lambda: token_losses(loaded.model, tokens, 1), loaded.device))
        operations = work.evaluation_operations(self.anatomy, count, count)
        return self._stage("evaluate", f"{count} tokens", times, operations, f"matrix {self.dtype}")

    def _generation(self, loaded: LoadedModel) -> Iterator[Stage]:
        """Steps of decoding: by a plain loop, and by captured graphs where they are."""
        prompt = torch.randint(self.anatomy.vocabulary, (1, PROMPT), generator=torch.Generator().manual_seed(0))
        ways: dict[StageName, Callable[[], Written]] = {"generate": lambda: greedy(loaded.model, prompt, 1 + STEPS)}
        if captures(loaded.model):
            with suppress(ExperimentError):  # its reason is in every record that measures generation
                ways["captured"] = Decoder(loaded.model, prompt, 1 + STEPS).run
        moved = STEPS * work.step_bytes(self.anatomy, self.dtype)
        for stage, write in ways.items():
            times = []
            for number in range(self.repeats + 1):
                self._say(stage, number)
                stop_if_asked()
                times.append(write()[2])
            yield self._stage(stage, f"{STEPS} steps of a token", times[1:], moved, "copy")

    def _say(self, stage: str, number: int) -> None:
        which = f"{number} of {self.repeats}" if number else "to warm up"
        self.tell(f"{stage} in {self.dtype}, {which}")
