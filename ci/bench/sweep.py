"""What a sweep far beyond the studies here would cost: 100 models to 405 billion parameters, ten ways to prune, 20
sparsities. Stated rates and formulas; nothing is measured. `scale.py` makes the tables of docs/scale.md from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from suite.models.anatomy import Anatomy, Parameter

WEIGHT_ONLY, WANDA, SPARSEGPT = 5, 3, 2  # of the ten ways to prune
SPARSITIES = 20
TOKENS = int(1_296_370 / 4.35) // 2048 * 2048  # of WikiText-2's test split, in whole windows
SHOWN = 128 * 2048  # tokens of a calibration
STEPS = 2 * 600 + 2 * 8 * 50  # decoding steps of a cell: both models' speed, and what is written to be judged
ITEM = 2  # bytes of a bfloat16 weight
RECORD, A_TENSOR, A_WINDOW = 5_000, 118, 23  # bytes of a record, and those that each tensor and window add
RUNTIME = 2e9  # bytes of the framework and a chunk of logits
JOB = 24 * 3600  # seconds that a job may last
TOGETHER = 0.7  # of the GPUs' rates, where a model's parts work at the same time; assumed


@dataclass(frozen=True)
class Rate:
    """A number that the tables rest on, and where it is from."""

    value: float
    unit: str
    source: str


MATRIX = Rate(900e12, "operations/s, bfloat16 matrix product", "as `lottery plan` has it; NVIDIA's data sheet: 989e12")
FLOAT32 = Rate(47e12, "operations/s, float32 matrix product", "seven tenths of the data sheet's 67e12")
BANDWIDTH = Rate(3.3e12, "bytes/s of the GPU's memory", "as `lottery plan` has it; data sheet: 3.35e12")
MEMORY = Rate(80e9, "bytes of a GPU, nine tenths of them filled", "data sheet (H100 SXM)")
LINK = Rate(25e9, "bytes/s from the host", "assumed: two fifths of PCIe 5.0 x16, from memory that is not pinned")
DISK = Rate(2e9, "bytes/s of the shared file system, a node", "assumed")
COLUMN = Rate(1e-4, "s that SparseGPT spends on a column", "as `lottery plan` has it")
RATES = (MATRIX, FLOAT32, BANDWIDTH, MEMORY, LINK, DISK, COLUMN)


@dataclass(frozen=True)
class Reached:
    """How much of the rates the suite reaches: shares, and passes over the weights that pruning takes."""

    name: str
    evaluate: float
    decode: float
    prune: float


BEFORE = Reached("as found before the work on speed", evaluate=0.50, decode=0.175, prune=350)
GOALS = Reached("at the goals of that work", evaluate=0.75, decode=0.80, prune=4)


@dataclass(frozen=True)
class Size:
    """A class of models: how many, and the public model whose shape stands for it."""

    name: str
    models: int
    like: str
    layers: int
    hidden: int
    inner: int
    heads: tuple[int, int]
    vocabulary: int
    tied: bool = False

    @cached_property
    def anatomy(self) -> Anatomy:
        config = {
            **{"model_type": "qwen2" if "Qwen" in self.like else "llama", "vocab_size": self.vocabulary},
            **{"hidden_size": self.hidden, "intermediate_size": self.inner, "num_hidden_layers": self.layers},
            **{"num_attention_heads": self.heads[0], "num_key_value_heads": self.heads[1]},
        }
        return Anatomy(config | {"tie_word_embeddings": self.tied})

    @property
    def bytes(self) -> int:
        return self.anatomy.weights * ITEM

    @property
    def block_bytes(self) -> int:
        return self.anatomy.block_weights * ITEM

    @property
    def hessians(self) -> int:
        """Bytes of the float32 matrices that SparseGPT holds at once, the widest layer's and what is made of it."""
        return 24 * self.inner**2

    @property
    def gpus(self) -> int:
        """That hold the weights, and beside them a batch and SparseGPT's matrices."""
        beside = 2048 * (6 * self.hidden + 3 * self.inner) * ITEM + self.hessians + RUNTIME
        return math.ceil((self.bytes + beside) / (0.9 * MEMORY.value))

    @property
    def states(self) -> int:
        """Bytes of hidden states on the host: the dense model's last, and a calibration's before a block."""
        return (TOKENS + SHOWN) * self.hidden * ITEM

    @property
    def mask(self) -> float:
        """Bytes of one cell's packed mask."""
        return self.anatomy.block_weights / 8

    @property
    def record(self) -> int:
        return RECORD + A_TENSOR * len(self.anatomy.block_linears) + A_WINDOW * (TOKENS // 2048)


QWEN, LLAMA = 151_936, 128_256
SIZES = (
    Size("0.5 B", 20, "Qwen2.5 0.5B", 24, 896, 4864, (14, 2), QWEN, tied=True),
    Size("1.5 B", 20, "Qwen2.5 1.5B", 28, 1536, 8960, (12, 2), QWEN, tied=True),
    Size("3 B", 15, "Qwen2.5 3B", 36, 2048, 11008, (16, 2), QWEN, tied=True),
    Size("8 B", 25, "Llama 3.1 8B", 32, 4096, 14336, (32, 8), LLAMA),
    Size("14 B", 8, "Qwen2.5 14B", 48, 5120, 13824, (40, 8), 152_064),
    Size("32 B", 6, "Qwen2.5 32B", 64, 5120, 27648, (40, 8), 152_064),
    Size("70 B", 5, "Llama 3.1 70B", 80, 8192, 28672, (64, 8), LLAMA),
    Size("405 B", 1, "Llama 3.1 405B", 126, 16384, 53248, (128, 8), LLAMA),
)


def _solve(parameter: Parameter) -> float:
    """Seconds that SparseGPT spends on a layer beside the passes; q, k and v share their inputs' matrix, gate and up
    theirs."""
    outputs, inputs = parameter.shape
    own = parameter.part in ("q", "o", "gate", "down")
    matrix = (SHOWN + inputs) * own  # X X^T and what is made of it
    return 2 * inputs**2 * (matrix + 2 * outputs) / FLOAT32.value + inputs * COLUMN.value


class Cost:
    """Seconds of one model's stages while one GPU works at a time."""

    def __init__(self, size: Size, reached: Reached) -> None:
        self.size, self.anatomy, self.reached = size, size.anatomy, reached
        rate = MATRIX.value * reached.evaluate
        head, blocks = self.anatomy.head.weights, self.anatomy.block_weights
        attention = 2 * TOKENS * 2048 * size.hidden * size.layers  # scores and their use, the past alone
        self.dense = (2 * TOKENS * (blocks + head) + attention) / rate
        self.evaluate = self.dense + 2 * TOKENS * head / rate  # the dense head again, for the divergence
        self.prune = reached.prune * 2 * size.block_bytes / BANDWIDTH.value
        self.restore = size.block_bytes / LINK.value
        self.pass_over = 2 * SHOWN * blocks / rate
        self.solve = sum(map(_solve, self.anatomy.block_linears))
        self.write = STEPS * (blocks + head) * ITEM / (BANDWIDTH.value * reached.decode)
        self.load = size.bytes / DISK.value

    @property
    def wanda(self) -> float:
        """Two passes of the calibration; three for an allocation by outliers, which one of the three ways has."""
        return (2 + 1 / WANDA) * self.pass_over + self.prune

    @property
    def sparsegpt(self) -> float:
        return 2 * self.pass_over + self.solve

    @property
    def cells(self) -> float:
        """All cells of a model."""
        each = (WEIGHT_ONLY + WANDA + SPARSEGPT) * (self.evaluate + self.restore + self.write)
        return SPARSITIES * (each + WEIGHT_ONLY * self.prune + WANDA * self.wanda + SPARSEGPT * self.sparsegpt)

    @property
    def jobs(self) -> int:
        return math.ceil(self.cells / JOB)

    @property
    def model(self) -> float:
        """All of a model: its cells, and in every job the loading and the dense baseline."""
        return self.cells + self.jobs * (self.load + self.dense + self.write / 2)

    @property
    def gpu_hours(self) -> float:
        """Of all models of the class; every GPU that holds a part is held."""
        return self.size.models * self.size.gpus * self.model / 3600

    @property
    def together_hours(self) -> float:
        """The same, where all GPUs that hold a part work at the same time."""
        return self.gpu_hours / (TOGETHER * self.size.gpus) if self.size.gpus > 1 else self.gpu_hours

    @property
    def longest(self) -> float:
        """Seconds of a job: a day, or all that there is."""
        return self.model / self.jobs
