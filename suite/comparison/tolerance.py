"""How far two perplexities of one cell may lie apart and still be the same result.

The same model, tokens and mask give the same perplexity but for rounding. What rounding amounts to depends on how many
bits the arithmetic carries and on the order in which a kernel sums, hence on the dtype and on the kind of device. The
bounds are on |ln(perplexity / perplexity)|, which is the difference of the mean losses in nats a token:

========  ============================  =================================================================
1e-5      float32, one kind of device   24 significant bits: sums of some thousand terms agree to about
                                        1e-6 whatever their order (threads, vector width), and the mean
                                        over thousands of tokens evens out most of that
1e-4      float32, processor and GPU    other kernels for everything: fused attention, other exponentials
5e-4      float16                       11 significant bits
3e-3      bfloat16                      8 significant bits
========  ============================  =================================================================

The 16-bit bounds rest on a measurement: 96 pruned cells of three embedded models of three architectures, up to ten
times the dense perplexity, against float32 on one processor, strayed by at most 6e-5 (float16) and 8e-4 (bfloat16)
times their ratio to dense. The bounds leave room for deeper models and other kernels.

Criteria that look at activations, and fine-tuning, are another matter: rounding decides which of two weights near the
threshold goes. There the bound is `LEARNT` times as wide, and the masks have to agree on at least `AGREEMENT` of a
sample. Measured on two embedded models at 50 and 80 %: against float32 with one thread, Wanda's and SparseGPT's masks
agreed on 99.999 % (two threads), 99.96 % (float16) and 99.87 % (bfloat16) of all weights or more, and perplexities
strayed by at most 7e-7, 1.8e-3 and 2.8e-3, at up to 1.6 times the dense one. The same sums in another order, by another
version of the code, left SparseGPT's 2:4 masks, where one choice leads to the next, at 99.8 %.

A network that is trained from its start is another matter again: every step builds on the rounding of those before, so
that a sum in another order soon leads another way, as another order of the data would. On one kind of device, with
equal versions, trainings are equal to the bit as a rule; elsewhere their held-out losses are held to `TRAINED`, and
their masks to nothing. Measured on a network of 46,000 parameters in 1,000 steps, two attention kernels against each
other on one processor: the losses of ten dense networks, which had something left to learn, lay 0.012 to 0.051 nats
apart (0.03 in root mean square), those of 16 tickets, one a level, at most 0.008; and the masks agreed on little more
weights than masks of their sizes do by chance.

Before a record's protocol said `softmax: float64`, the exponentials of a softmax were summed in float32, which loses
the small terms beside the likeliest token (`suite.evaluation.softmax`). A processor keeps at least 8 running sums, so
that at most an eighth of the vocabulary is added to one, and each term can lose at most 2**-24 of the sum: the loss was
low by less than 2**-27 nats times the vocabulary. A trained model's stayed far below that. By running sums (16, 8) the
mean was low by 2.3e-8 nats (16; 183 tokens, the embedded models), 0.9e-8 and 1.9e-8 (105 tokens) and 0.8e-5 and 1.6e-5
(49,152 tokens; 0.8e-5 for 16 with 70 % of the weights removed as well), and that of the worst token by 2.1e-5 and
4.2e-5 (49,152). Where the two sides summed differently, `SUMMED` times the vocabulary is therefore allowed beside all
else: an eighth of what is possible, and three times the mean that was seen. It does not grow with the damage, as the
bias does not.

Two dtypes are held to the coarser one's bound: the coarser run is the one that strays. A damaged model is more
sensitive, as its logits no longer sit at a minimum of the loss and small errors shift whole predictions: the bound
grows with the ratio to the dense perplexity. Past ten times the dense perplexity rounding decides the digits, and only
that both are past it, and their verdicts, can be held against each other.
"""

from __future__ import annotations

from suite.analysis.cells import Cell
from suite.analysis.values import NotMeasured, Number
from suite.protocol import ACROSS_DEVICES, LEARNT, PAST, ROUNDING, SUMMED, TRAINED


def allowed(here: Cell, there: Cell) -> Number:
    """The largest |ln(perplexity here / perplexity there)| that rounding explains; of trainings, of their losses.

    The damage it grows with is that of `there`, the run to be reproduced, or of the one past ten times the dense
    perplexity where the other is not.

    Returns:
        `NotMeasured` with the reason where a perplexity is missing, both are past ten times the dense perplexity, or
        no bound is stated for a dtype.
    """
    if there.experiment.training:
        return TRAINED
    if isinstance(mine := here.ratio, NotMeasured):
        return mine
    if isinstance(theirs := there.ratio, NotMeasured):
        return theirs
    if both_past(here, there):
        return NotMeasured(f"both past {PAST:g} times the dense perplexity")
    dtypes = _dtype(here), _dtype(there)
    for dtype in dtypes:
        if dtype not in ROUNDING:
            return NotMeasured(f"no tolerance is stated for {dtype}")
    base = max(ROUNDING[dtype] for dtype in dtypes)
    if len({cell.record.environment.device.partition(":")[0] for cell in (here, there)}) > 1:
        base = max(base, ACROSS_DEVICES)
    if here.experiment.calibration or here.experiment.recovery:
        base *= LEARNT
    worst = max(mine, theirs)
    return base * max(1.0, worst if worst > PAST else theirs) + _bias(here, there)


def summed(here: Cell, there: Cell) -> tuple[str, str] | None:
    """In what each side summed the exponentials of its losses, here and there, where that differs."""
    mine, theirs = here.record.perplexity, there.record.perplexity
    if mine is None or theirs is None or mine.protocol.softmax == theirs.protocol.softmax:
        return None
    return mine.protocol.softmax, theirs.protocol.softmax


def _bias(here: Cell, there: Cell) -> float:
    """What the losses may be apart for that, nats a token."""
    quality = there.record.perplexity
    return SUMMED * quality.uniform if quality and summed(here, there) else 0.0


def _dtype(cell: Cell) -> str:
    """What the perplexity was computed in, which need not be what the model was loaded in."""
    quality = cell.record.perplexity
    return quality.protocol.dtype if quality else cell.record.environment.dtype


def both_past(here: Cell, there: Cell) -> bool:
    """Whether both perplexities are more than ten times their dense model's."""
    return all(isinstance(ratio, float) and ratio > PAST for ratio in (here.ratio, there.ratio))
