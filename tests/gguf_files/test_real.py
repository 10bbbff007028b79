"""Known answers of real models, through the suite itself: fetched from packages, dequantised, pruned, evaluated.

The numbers come from a plain script on the same files: transformers and torch in float32 on a processor, log-softmax in
float64; the first 137 rows of WikiText-2 joined by a blank line, windows of 512, the tail dropped.

Runs where LOTTERY_REAL_DATA names a folder with WikiText-2 and the packages can be had; Qwen2.5-Coder, and what takes
transformers' own slow reading of GGUF, only where LOTTERY_REAL_MODELS is `all` (`ci/real-models`).
"""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from suite.errors import InputError
from suite.evaluation.perplexity import token_losses
from suite.gguf.cache import located
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import ModelSource, from_catalogue, from_gguf
from suite.records.experiment import Experiment, TextReference
from tests.package_index.unreachable import unreachable

ROWS = Path(os.environ.get("LOTTERY_REAL_DATA", ".")) / "text" / "wikitext2-raw-test.rows.json"
SMOL, QWEN, GEMMA = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct", "gemma-3-270m"
pytestmark = pytest.mark.skipif(
    not ROWS.is_file(), reason="real models: LOTTERY_REAL_DATA names no folder with text/wikitext2-raw-test.rows.json"
)
everything = pytest.mark.skipif(
    os.environ.get("LOTTERY_REAL_MODELS") != "all", reason="slow on real models: LOTTERY_REAL_MODELS is not `all`"
)
Load = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def load() -> Load:
    """A real model by its name; tests are skipped where its packages cannot be asked for, fail where they are wrong."""
    loaded: dict[str, LoadedModel] = {}

    def load(name: str) -> LoadedModel:
        if name not in loaded:
            source = from_catalogue(name)
            try:
                located(source)
            except InputError as error:
                if not unreachable(error):
                    raise
                pytest.skip(f"{name} cannot be had: {error}")
            loaded[name] = load_model(source, "float32", "a test")
        return loaded[name]

    return load


def text() -> str:
    return "\n\n".join(json.loads(ROWS.read_text(encoding="utf-8"))[:137])


def windows(loaded: LoadedModel, most: int) -> torch.Tensor:
    ids = loaded.tokenizer(text(), verbose=False)["input_ids"]
    return torch.tensor(ids[: len(ids) // 512 * 512]).view(-1, 512)[:most]


def perplexity(loaded: LoadedModel, most: int = 17) -> str:
    losses = token_losses(loaded.model, windows(loaded, most), batch_size=4)
    return f"{math.exp(float(np.mean(losses))):.6g}"


def without(target: str, sparsity: float) -> Experiment:
    reference = TextReference(name="wikitext-2", revision="r", join="\n\n")
    asked = {"model": SMOL, "revision": "r", "criterion": "magnitude", "target": target, "sparsity": sparsity}
    return Experiment.model_validate({**asked, "text": reference, "context": 512})


def assert_its_file_says(declared: ModelSource) -> None:
    """What the catalogue says of it: `plan` believes them of a file that is not here yet."""
    found = from_gguf(declared.name, located(declared))
    licence = {"licence": None}  # may be spelt otherwise
    assert found.summary.model_copy(update=licence) == declared.summary.model_copy(update=licence)
    assert {key: found.config.get(key) for key in declared.config} == declared.config
    assert found.revision == declared.revision
    assert found.gguf == replace(declared.gguf, path=located(declared))  # type: ignore[type-var]


def test_smollm2_is_what_its_file_says(load: Load) -> None:
    loaded = load(SMOL)
    assert_its_file_says(loaded.source)
    assert loaded.source.summary.quantisation == "Q4_1 and Q8_0"  # the embedding table is in Q8_0
    assert loaded.tied and loaded.strays() == []
    assert len(loaded.tokenizer(text(), verbose=False)["input_ids"]) == 8_986


def test_smollm2_has_the_known_perplexity_to_six_digits(load: Load) -> None:
    assert perplexity(load(SMOL)) == "35.7343"


def test_smollm2_has_the_mean_loss_of_the_model_in_float64(load: Load) -> None:
    loaded = load(SMOL)
    tokens = windows(loaded, 1)
    exact = copy.deepcopy(loaded.model).double()
    with torch.inference_mode():
        logits = exact(tokens[:, :-1], use_cache=False).logits[0]
    expected = float(functional.cross_entropy(logits, tokens[0, 1:]))
    difference = float(np.mean(token_losses(loaded.model, tokens, 1))) - expected
    assert abs(difference) < 1e-6  # rounded products leave 1e-7 (MKL) to 5e-7 (oneDNN), a softmax in float32 1e-5


@pytest.mark.parametrize(
    ("target", "zeros", "known"), [("blocks", 31_850_550, "51.8428"), ("all", 40_344_016, "57.4218")]
)
def test_smollm2_without_30_per_cent_has_the_known_zeros_and_perplexity(
    load: Load, target: str, zeros: int, known: str
) -> None:
    """Values of four bits tie by the thousand: masks are exact all the same, and the same whatever the threads."""
    loaded, digests, threads = load(SMOL), [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            with pruned(loaded, without(target, 0.3)) as done:
                assert done.achieved.zeros == zeros
                digests.append(done.achieved.mask_digest)
                if count == 2:
                    assert perplexity(loaded) == known
    finally:
        torch.set_num_threads(threads)
    assert digests[0] == digests[1] and loaded.strays() == []


def test_gemma_3_is_what_its_file_says(load: Load) -> None:
    loaded = load(GEMMA)
    assert_its_file_says(loaded.source)
    assert loaded.tied and loaded.strays() == []
    ids = loaded.tokenizer(text(), verbose=False)["input_ids"]
    assert len(ids) == 8_628 and ids.count(loaded.tokenizer.bos_token_id) == 1


def test_gemma_3_has_the_known_perplexities_to_six_digits(load: Load) -> None:
    loaded = load(GEMMA)
    assert perplexity(loaded, 4) == "51.9405"
    with pruned(loaded, without("blocks", 0.3)) as done:
        assert done.achieved.zeros == 30_081_024
        assert perplexity(loaded, 4) == "246.29"


@everything
def test_qwen_has_the_known_perplexity_to_six_digits(load: Load) -> None:
    loaded = load(QWEN)
    assert_its_file_says(loaded.source)
    assert not loaded.tied
    assert len(loaded.tokenizer(text(), verbose=False)["input_ids"]) == 8_802
    assert perplexity(loaded, 4) == "19.6535"


@everything
@pytest.mark.parametrize("name", [SMOL, QWEN])
def test_tokens_are_those_of_transformers_own_reading(load: Load, name: str) -> None:
    loaded, path = load(name), located(from_catalogue(name))
    theirs = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    assert loaded.tokenizer(text(), verbose=False)["input_ids"] == theirs(text(), verbose=False)["input_ids"]


@everything
def test_logits_are_those_of_transformers_own_reading(load: Load) -> None:
    loaded, path = load(SMOL), located(from_catalogue(SMOL))
    theirs = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    tokens = windows(loaded, 1)[:, :256]
    with torch.no_grad():
        assert torch.equal(loaded.model(tokens).logits, theirs(tokens).logits)
