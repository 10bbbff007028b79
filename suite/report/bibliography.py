"""The one bibliography of poster, paper and page, and the numbering of what a document cites."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from suite.report.medium import Medium


@dataclass(frozen=True, slots=True)
class Reference:
    authors: str
    title: str
    where: str
    link: str


def _arxiv(authors: str, title: str, where: str, number: str) -> Reference:
    return Reference(authors, title, where, f"https://arxiv.org/abs/{number}")


BIBLIOGRAPHY = {
    "frankle2019": _arxiv(
        "J. Frankle and M. Carbin.",
        "The lottery ticket hypothesis: Finding sparse, trainable neural networks.",
        "ICLR, 2019.",
        "1803.03635",
    ),
    "frankle2019stabilizing": _arxiv(
        "J. Frankle, G. K. Dziugaite, D. M. Roy and M. Carbin.",
        "Stabilizing the lottery ticket hypothesis.",
        "Preprint, 2019.",
        "1903.01611",
    ),
    "frankle2020": _arxiv(
        "J. Frankle, G. K. Dziugaite, D. M. Roy and M. Carbin.",
        "Linear mode connectivity and the lottery ticket hypothesis.",
        "ICML, 2020.",
        "1912.05671",
    ),
    "chen2020": _arxiv(
        "T. Chen, J. Frankle, S. Chang, S. Liu, Y. Zhang, Z. Wang and M. Carbin.",
        "The lottery ticket hypothesis for pre-trained BERT networks.",
        "NeurIPS, 2020.",
        "2007.12223",
    ),
    "waudbysmith2020": _arxiv(
        "I. Waudby-Smith and A. Ramdas.",
        "Confidence sequences for sampling without replacement.",
        "NeurIPS, 2020.",
        "2006.04347",
    ),
    "waudbysmith2024": _arxiv(
        "I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas.",
        "Time-uniform central limit theory and asymptotic confidence sequences.",
        "Annals of Statistics, 2024.",
        "2103.06476",
    ),
    "renda2020": _arxiv(
        "A. Renda, J. Frankle and M. Carbin.",
        "Comparing rewinding and fine-tuning in neural network pruning.",
        "ICLR, 2020.",
        "2003.02389",
    ),
    "liu2019": _arxiv(
        "Z. Liu, M. Sun, T. Zhou, G. Huang and T. Darrell.",
        "Rethinking the value of network pruning.",
        "ICLR, 2019.",
        "1810.05270",
    ),
    "han2015": _arxiv(
        "S. Han, J. Pool, J. Tran and W. J. Dally.",
        "Learning both weights and connections for efficient neural networks.",
        "NeurIPS, 2015.",
        "1506.02626",
    ),
    "frantar2023": _arxiv(
        "E. Frantar and D. Alistarh.",
        "SparseGPT: Massive language models can be accurately pruned in one-shot.",
        "ICML, 2023.",
        "2301.00774",
    ),
    "frantar2022": _arxiv(
        "E. Frantar, S. Ashkboos, T. Hoefler and D. Alistarh.",
        "GPTQ: Accurate post-training quantization for generative pre-trained transformers.",
        "ICLR, 2023.",
        "2210.17323",
    ),
    "sun2024": _arxiv(
        "M. Sun, Z. Liu, A. Bair and J. Z. Kolter.",
        "A simple and effective pruning approach for large language models.",
        "ICLR, 2024.",
        "2306.11695",
    ),
    "zhang2024": Reference(
        "Y. Zhang, H. Bai, H. Lin, J. Zhao, L. Hou and C. V. Cannistraci.",
        "Plug-and-play: An efficient post-training pruning method for large language models.",
        "ICLR, 2024.",
        "https://openreview.net/forum?id=Tr0lPx9woF",
    ),
    "zhang2024dsnot": _arxiv(
        "Y. Zhang, L. Zhao, M. Lin, Y. Sun, Y. Yao et al.",
        "Dynamic sparse no training: Training-free fine-tuning for sparse LLMs.",
        "ICLR, 2024.",
        "2310.08915",
    ),
    "boza2024": _arxiv(
        "V. Boža.",
        "Fast and effective weight update for pruned large language models.",
        "TMLR, 2024.",
        "2401.02938",
    ),
    "meng2024": _arxiv(
        "X. Meng, K. Behdin, H. Wang and R. Mazumder.",
        "ALPS: Improved optimization for highly sparse one-shot pruning for large language models.",
        "NeurIPS, 2024.",
        "2406.07831",
    ),
    "yin2024": _arxiv(
        "L. Yin, Y. Wu, Z. Zhang, C.-Y. Hsieh, Y. Wang et al.",
        "Outlier weighed layerwise sparsity (OWL): A missing secret sauce for pruning LLMs to high sparsity.",
        "ICML, 2024.",
        "2310.05175",
    ),
    "mishra2021": _arxiv(
        "A. Mishra, J. A. Latorre, J. Pool, D. Stosic, D. Stosic, G. Venkatesh, C. Yu and P. Micikevicius.",
        "Accelerating sparse deep neural networks.",
        "Preprint, 2021.",
        "2104.08378",
    ),
    "micikevicius2022": _arxiv(
        "P. Micikevicius, D. Stosic, N. Burgess, M. Cornea, P. Dubey et al.",
        "FP8 formats for deep learning.",
        "Preprint, 2022.",
        "2209.05433",
    ),
    "men2024": _arxiv(
        "X. Men, M. Xu, Q. Zhang, B. Wang, H. Lin, Y. Lu, X. Han and W. Chen.",
        "ShortGPT: Layers in large language models are more redundant than you expect.",
        "Preprint, 2024.",
        "2403.03853",
    ),
    "lasby2025": _arxiv(
        "M. Lasby, I. Lazarevich, N. Sinnadurai, S. Lie, Y. Ioannou and V. Thangarasa.",
        "REAP the experts: Why pruning prevails for one-shot MoE compression.",
        "Preprint, 2025.",
        "2510.13999",
    ),
    "fang2023": _arxiv(
        "G. Fang, X. Ma, M. Song, M. B. Mi and X. Wang.",
        "DepGraph: Towards any structural pruning.",
        "CVPR, 2023.",
        "2301.12900",
    ),
    "an2024": _arxiv(
        "Y. An, X. Zhao, T. Yu, M. Tang and J. Wang.",
        "Fluctuation-based adaptive structured pruning for large language models.",
        "AAAI, 2024.",
        "2312.11983",
    ),
    "blalock2020": _arxiv(
        "D. Blalock, J. J. Gonzalez Ortiz, J. Frankle and J. Guttag.",
        "What is the state of neural network pruning?",
        "MLSys, 2020.",
        "2003.03033",
    ),
    "merity2017": _arxiv(
        "S. Merity, C. Xiong, J. Bradbury and R. Socher.",
        "Pointer sentinel mixture models.",
        "ICLR, 2017.",
        "1609.07843",
    ),
}


class Citations:
    """Numbers references in the order a document first cites them."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._cited: list[str] = []

    def cite(self, *keys: str) -> Markup:
        """Linked numbers in brackets. Raises: KeyError: a key is not in the bibliography."""
        links = []
        for key in keys:
            if key not in BIBLIOGRAPHY:
                raise KeyError(f"citation {key!r} is not in the bibliography, which has {', '.join(BIBLIOGRAPHY)}")
            if key not in self._cited:
                self._cited.append(key)
            links.append(self._medium.citation(key, self._cited.index(key) + 1))
        return Markup("[{}]").format(Markup(", ").join(links))

    def references(self) -> list[tuple[int, str, Reference]]:
        """Number, key and reference of everything cited so far; call it at the end of the document."""
        return [(number, key, BIBLIOGRAPHY[key]) for number, key in enumerate(self._cited, start=1)]
