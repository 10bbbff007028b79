"""The catalogue: the models the suite knows by name, pinned.

The sizes are those of each repository's `config.json` at the revision, so that a plan needs no network; loading reads
the real file. Parameter counts are checked by a test against transformers' own classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from suite.data.source import text_from_catalogue
from suite.models.anatomy import Config
from suite.records.experiment import TextReference

EMBEDDED = Path(__file__).parent / "embedded"


@dataclass(frozen=True, slots=True)
class Published:
    """A dense perplexity as it was published, with what it was measured on; None where that is not known.

    `text` None stands for whatever text and context the manifest that gives the value has.
    """

    perplexity: float
    text: TextReference | None = None
    context: int | None = None
    text_sha256: str | None = None
    tokens: int | None = None
    bos: bool | None = None
    tokenizer_sha256: str | None = None

    def holds_for(self, text: TextReference, context: int) -> bool:
        return self.text is None or (self.text, self.context) == (text, context)


def _on_wikitext(perplexity: float, *, bos: bool, tokens: int | None = None) -> Published:
    """Under the protocol of GPTQ, SparseGPT and Wanda."""
    text = text_from_catalogue("wikitext-2")
    return Published(perplexity, text.reference, 2048, text.sha256, tokens, bos)


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the Hugging Face hub at a pinned commit."""

    repository: str
    revision: str
    parameters: int
    config: Config
    stored_dtype: str = "bfloat16"
    published: Published | None = None


HUB = {
    "mistral-7b": HubModel(
        "mistralai/Mistral-7B-v0.1",
        "27d67f1b5f57dc0953326b2601d68371d40ea8da",
        7_241_732_096,
        {
            "model_type": "mistral",
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "max_position_embeddings": 32768,
            "tie_word_embeddings": False,
        },
        published=_on_wikitext(5.253, bos=True),
    ),
    "qwen2.5-7b": HubModel(
        "Qwen/Qwen2.5-7B",
        "d149729398750b98c0af14eb82c78cfe92750796",
        7_615_616_512,
        {
            "model_type": "qwen2",
            "vocab_size": 152064,
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "max_position_embeddings": 131072,
            "tie_word_embeddings": False,
        },
        published=_on_wikitext(6.85, bos=False, tokens=299_078),
    ),
    "smollm2-1.7b": HubModel(
        "HuggingFaceTB/SmolLM2-1.7B",
        "effd688a12921b4cc83e3312b6feb579f70f9c71",
        1_711_376_384,
        {
            "model_type": "llama",
            "vocab_size": 49152,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 24,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": True,
        },
    ),
    "phi-2": HubModel(
        "microsoft/phi-2",
        "810d367871c1d460086d9f82db8696f2e0a0fcd0",
        2_779_683_840,
        {
            "model_type": "phi",
            "vocab_size": 51200,
            "hidden_size": 2560,
            "intermediate_size": 10240,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
        },
        stored_dtype="float16",
    ),
    "qwen2.5-0.5b": HubModel(
        "Qwen/Qwen2.5-0.5B",
        "060db6499f32faf8b98477b0a26969ef7d8b9987",
        494_032_768,
        {
            "model_type": "qwen2",
            "vocab_size": 151936,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32768,
            "tie_word_embeddings": True,
        },
        published=_on_wikitext(13.08, bos=False, tokens=299_078),
    ),
}


@cache
def embedded() -> dict[str, Path]:
    """The models that ship with the suite: name to directory."""
    return {folder.name: folder for folder in sorted(EMBEDDED.iterdir()) if (folder / "model.safetensors").is_file()}


def names() -> list[str]:
    return [*embedded(), *HUB]
