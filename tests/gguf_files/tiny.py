"""Tiny GGUF files, of random values, as the package `gguf` writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from transformers.convert_slow_tokenizer import bytes_to_unicode

HIDDEN, INNER, LAYERS, HEADS, GROUPS = 256, 512, 2, 4, 2  # rows of whole blocks of every type
WORDS = ("\u0120t", "he", "\u0120the", "in", "er")
MERGES = ("\u0120 t", "h e", "\u0120t he", "i n", "e r")
SPECIAL = ("<|endoftext|>", "<|im_end|>")
TOKENS = [*bytes_to_unicode().values(), *WORDS, *SPECIAL]
# A vocabulary of sentencepiece's, as of Llama 2 and the first Mistrals: what is no piece is spelt in bytes.
PIECES = (
    "\u2581t",
    "he",
    "\u2581the",
    "in",
    "er",
    "\u2581c",
    "at",
    "\u2581cat",
    "\u2581\u2581",
    "th",
    "\u2581a",
    "is",
    "\u2581is",
)
PIECES += ("hello", "lo", "el", "hel", "ll", *"\u2581abcdefghijklmnopqrstuvwxyzT.,")
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
SENTENCEPIECE = {  # token: score and type
    **{"<unk>": (0.0, UNKNOWN), "<s>": (0.0, CONTROL), "</s>": (0.0, CONTROL)},
    **{f"<0x{byte:02X}>": (0.0, BYTE) for byte in range(256)},
    **{piece: (-float(rank), NORMAL) for rank, piece in enumerate(PIECES)},
    "<think>": (0.0, USER_DEFINED),
}
SCALES = {"Q2_K": (80, 84), "Q3_K": (108, 110), "Q4_K": (0, 4), "Q5_K": (0, 4), "Q6_K": (208, 210)}  # bytes of a block
Change = Callable[[GGUFWriter], None]


def shapes(family: str, tied: bool, groups: int = GROUPS, vocabulary: int = len(TOKENS)) -> dict[str, tuple[int, ...]]:
    """The tensors of a file and their shapes, rows first."""
    width = HIDDEN // HEADS * groups
    block = {
        **{"attn_q.weight": (HIDDEN, HIDDEN), "attn_k.weight": (width, HIDDEN), "attn_v.weight": (width, HIDDEN)},
        **{"attn_output.weight": (HIDDEN, HIDDEN), "ffn_down.weight": (HIDDEN, INNER)},
        **{"ffn_gate.weight": (INNER, HIDDEN), "ffn_up.weight": (INNER, HIDDEN)},
        **{"attn_norm.weight": (HIDDEN,), "ffn_norm.weight": (HIDDEN,)},
    }
    if family == "qwen2":
        block |= {"attn_q.bias": (HIDDEN,), "attn_k.bias": (width,), "attn_v.bias": (width,)}
    if family == "gemma3":
        block |= dict.fromkeys(("post_attention_norm.weight", "post_ffw_norm.weight"), (HIDDEN,))
        block |= dict.fromkeys(("attn_q_norm.weight", "attn_k_norm.weight"), (HIDDEN // HEADS,))
    found = {"token_embd.weight": (vocabulary, HIDDEN), "output_norm.weight": (HIDDEN,)}
    found |= {} if tied else {"output.weight": (vocabulary, HIDDEN)}
    return found | {f"blk.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in block.items()}


def stored(kind: GGMLQuantizationType, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Values of a type as they lie in a file; of types that the package cannot make, random blocks."""
    if kind.name in SCALES:
        weights, width = GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (int(np.prod(shape)) // weights, width), np.uint8)
        start, end = SCALES[kind.name]
        scales = rng.uniform(1e-4, 2e-3, (len(blocks), (end - start) // 2)).astype(np.float16)
        blocks[:, start:end] = scales.view(np.uint8)
        return blocks.reshape(*shape[:-1], -1)
    values = (0.05 * rng.standard_normal(shape)).astype(np.float32)
    return quantize(values if len(shape) > 1 else values + 1, kind)


def write(
    path: Path,
    family: str = "llama",
    kind: str = "F32",
    *,
    tied: bool = True,
    name: str = "tiny",
    change: Change = lambda writer: None,
    without: tuple[str, ...] = (),
    keys: bool = True,
    groups: int = GROUPS,
    sentencepiece: bool = False,
    seed: int = 0,
) -> Path:
    """A model of two layers with grouped-query attention; its norms and biases are in float32.

    Args:
        kind: the type of its matrices.
        change: is given the writer before the tensors, for keys and tensors more.
        without: tensors that are left out.
        keys: the keys of the family; without them only its name.
        groups: heads of keys and values.
        sentencepiece: a tokenizer of that kind in place of a byte-level one.
    """
    rng = np.random.default_rng(seed)
    vocabulary = len(SENTENCEPIECE if sentencepiece else TOKENS)
    writer = GGUFWriter(path, family)
    writer.add_name(name)
    if keys:
        writer.add_block_count(LAYERS)
        writer.add_context_length(512)
        writer.add_embedding_length(HIDDEN)
        writer.add_feed_forward_length(INNER)
        writer.add_head_count(HEADS)
        writer.add_head_count_kv(groups)
        writer.add_rope_freq_base(10_000.0)
        writer.add_layer_norm_rms_eps(1e-5)
        if family == "llama":
            writer.add_rope_dimension_count(HIDDEN // HEADS)
            writer.add_vocab_size(vocabulary)
        if family == "gemma3":
            writer.add_key_length(HIDDEN // HEADS)
            writer.add_value_length(HIDDEN // HEADS)
            writer.add_sliding_window(16)
    (_sentencepiece if sentencepiece else _byte_level)(writer, family)
    change(writer)
    for tensor, shape in shapes(family, tied, groups, vocabulary).items():
        if tensor not in without:
            matrix = GGMLQuantizationType[kind] if len(shape) > 1 else GGMLQuantizationType.F32
            writer.add_tensor(tensor, stored(matrix, shape, rng), raw_dtype=matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_level(writer: GGUFWriter, family: str) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if family == "qwen2" else "smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([NORMAL] * (len(TOKENS) - len(SPECIAL)) + [CONTROL] * len(SPECIAL))
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(len(TOKENS) - 2)
    writer.add_eos_token_id(len(TOKENS) - 1)
    writer.add_unk_token_id(len(TOKENS) - 2)
    writer.add_add_bos_token(False)


def _sentencepiece(writer: GGUFWriter, family: str) -> None:
    """Its BOS is on, which such files need not say."""
    scores, types = zip(*SENTENCEPIECE.values(), strict=True)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(list(SENTENCEPIECE))
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
