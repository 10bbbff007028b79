"""What runs of an experiment is what differs from the dense model; its losses are those of a whole run, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from suite.evaluation.perplexity import token_losses
from suite.evaluation.prefix import DensePrefix
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import ModelSource, from_folder
from suite.models.unchanged import unchanged_blocks
from suite.records import Experiment
from suite.records.experiment import Recovery, TextReference

TEXT = TextReference(name="t", revision="0", join="")
TOKENS = torch.randint(0, 100, (5, 32), generator=torch.Generator().manual_seed(0))
LAYERS = 3


def asked(**fields: object) -> Experiment:
    shared = {"model": "m", "revision": "0", "criterion": "magnitude", "sparsity": 0.5, "text": TEXT, "context": 32}
    return Experiment.model_validate(shared | fields)


class Watched:
    """A model, and which of its blocks have run over a whole text since one last looked."""

    def __init__(self, source: ModelSource, dtype: str = "float32") -> None:
        self.loaded: LoadedModel = load_model(source, dtype, "a test")
        self.prefix = DensePrefix()
        self._ran: list[int] = []
        for index, block in enumerate(self.loaded.model.base_model.layers):
            block.register_forward_hook(lambda module, args, output, index=index: self._ran.append(index))

    def losses(self, experiment: Experiment) -> tuple[list[int], np.ndarray]:
        """The blocks that ran for an experiment, and its losses; those of a whole run are the same."""
        model, anatomy = self.loaded.model, self.loaded.anatomy
        with pruned(self.loaded, experiment):
            self._ran.clear()
            unchanged = unchanged_blocks(anatomy, experiment)
            with self.prefix.body(model, self.loaded.blocks, unchanged) as body:
                found = token_losses(model, TOKENS, 2, body=body)
            ran = sorted(set(self._ran))
            assert np.array_equal(found, token_losses(model, TOKENS, 2)), "as a whole run has it"
        return ran, found


@pytest.mark.parametrize("architecture", ["mistral", "qwen2", "qwen2-tied", "llama-tied", "phi"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_blocks_before_the_first_that_is_pruned_run_once(
    make_model: Callable[..., Path], architecture: str, dtype: str
) -> None:
    watched = Watched(from_folder("m", make_model(architecture)), dtype)
    course = [
        ({"part": ("q",), "layers": "1"}, [0, 1, 2]),  # what goes into block 1 is kept
        ({"part": ("down",), "layers": "1"}, [1, 2]),
        ({"part": ("q",), "layers": "2"}, [1, 2]),  # and then what goes into block 2
        ({"part": ("v",), "layers": "2"}, [2]),
        ({"target": "lm_head"}, [2]),
        ({"target": "lm_head", "sparsity": 0.3}, []),
        ({"part": ("v",), "layers": "1"}, [0, 1, 2]),
        ({"target": "mlp"}, [0, 1, 2]),
        ({"target": "embeddings"}, [0, 1, 2]),
        ({"target": "late"}, [1, 2]),
    ]
    seen = set()
    for fields, blocks in course:
        ran, losses = watched.losses(asked(**fields))
        assert ran == blocks, fields
        seen.add(losses.tobytes())
    assert len(seen) == len(course), "each of them does its own damage"


def test_a_run_that_was_cut_off_leaves_nothing_behind(mistral: Path) -> None:
    watched = Watched(from_folder("m", mistral))
    first, second = asked(part=("q",), layers="1"), asked(part=("q",), layers="2")
    watched.losses(first)

    class CutOffError(Exception): ...

    def cut(windows: int) -> None:
        raise CutOffError

    with pytest.raises(CutOffError), watched.prefix.body(watched.loaded.model, watched.loaded.blocks, 2) as body:
        token_losses(watched.loaded.model, TOKENS, 2, cut, body=body)
    assert len(watched.loaded.model.base_model.layers) == LAYERS
    assert watched.losses(second)[0] == [0, 1, 2], "half of what was kept goes into another block"


def test_the_first_difference_is_told_from_the_experiment(mistral: Path, make_model: Callable[..., Path]) -> None:
    anatomy, tied = from_folder("m", mistral).anatomy, from_folder("t", make_model("qwen2-tied")).anatomy
    assert unchanged_blocks(anatomy, asked(target="late")) == LAYERS // 2
    assert unchanged_blocks(anatomy, asked(part=("q",), layers="2")) == 2
    assert unchanged_blocks(anatomy, asked(part=("q", "lm_head"), layers=None)) == 0
    assert unchanged_blocks(anatomy, asked(target="lm_head")) == LAYERS
    assert unchanged_blocks(tied, asked(target="lm_head")) == LAYERS, "a copy of the table is pruned"
    assert unchanged_blocks(tied, asked(target="lm_head", tied="both")) == 0, "the embeddings are the same tensor"
    late = {"part": ("q",), "layers": "2"}
    learnt = Recovery(text=TEXT, tokens=100, context=32, batch=1, learning_rate=1e-3, seed=0)
    assert unchanged_blocks(anatomy, asked(**late, recovery=learnt)) == 0
    assert unchanged_blocks(anatomy, asked(**late, precision="float8-weights", baseline_precision="auto")) == 0
    assert unchanged_blocks(anatomy, asked(pattern="layers", target="blocks", layers="2")) == 0
    assert unchanged_blocks(anatomy, asked(criterion="none", sparsity=0.0)) == 0
