"""Every constant that the measurement protocol fixes; `docs/protocol.md` has the rules they belong to.

A constant stands here if another value would change a measured number or a verdict: sizes of windows, thresholds,
margins, levels of intervals. What a manifest asks for is part of the experiment and stands in its record; what only
makes the suite faster stands in the module that it tunes. Neither torch nor numpy is imported here, so that a plan or a
report reads the protocol without them.

Sparsities, shares and margins are fractions, losses are in nats a token, unless a line says otherwise.
"""

from __future__ import annotations

import math

PROTOCOL_VERSION = "lottery-protocol/1"  # enters every experiment's id; changes when a rule of measurement does

# Masks, and random removal (rule 1).
KEY_BYTES = 16  # of the SHA-256 that gives the key of NumPy's Philox
WORD_BITS = 32  # of the words that its raw output is read as
SAMPLED_WEIGHTS = 4096  # of a mask in its record: an agreement of 99 % is known to 0.3 points (95 %)

# Criteria that look at activations, and allocations (rules 7 and 9).
CALIBRATION_WINDOWS = 128  # unless the manifest says otherwise; as in SparseGPT and Wanda
SPARSEGPT_BLOCK = 128  # columns of which weights are chosen at once (arXiv 2301.00774)
SPARSEGPT_DAMPING = 0.01  # of the mean diagonal of H, added to it
RIA_POWER = 0.5  # a: of an input's norm (ICLR 2024)
DSNOT_THRESHOLD = 0.1  # of the error of a row, summed over the tokens of a window (arXiv 2310.08915)
ADMM_ITERATIONS = 20  # (arXiv 2401.02938)
ADMM_CHOOSING = 15  # the first of them, in which the mask is chosen
ADMM_DAMPING = 0.1  # of the mean diagonal of H, added to it
ADMM_PENALTY = 1.0  # rho
ALPS_DAMPING = 0.01  # of the mean diagonal of X X^T, added to it (arXiv 2406.07831)
ALPS_PENALTY = 0.1  # rho, at first
ALPS_ITERATIONS = 300  # at most
ALPS_CHECKED = 3  # iterations, after which the support is compared with what it was
ALPS_CHANGES = (0.1, 0.005, 0.0)  # of what is kept; above the first, above the second, and else
ALPS_GROWTH = (1.3, 1.2, 1.1)  # of the penalty by then
ALPS_RESTART = 5.0  # what the penalty is divided by where it was too large from the start
ALPS_SETTLED = (30, 3e-4)  # from this iteration on, so few changes are none
ALPS_GRADIENT_STEPS = 10  # of conjugate gradients, at the end
OWL_TIMES = 5.0  # M: the mean score of its layer, above which a weight is an outlier (arXiv 2310.05175)
OWL_SPREAD = 0.08  # lambda: half the distance between the lowest and the highest sparsity

# Rounding to float8 (rule 23).
LARGEST_E4M3 = 448.0  # the largest code, which a row's largest magnitude becomes (arXiv 2209.05433)

# Perplexity (rules 10, 11, 14 and 15).
CONTEXT = 2048  # tokens of a window, unless the text or the manifest says otherwise
TOKENS_A_BATCH = 2048  # of the windows that go through a model at once; at least one window does
LOGITS_AT_ONCE = 2**24  # positions x tokens of the vocabulary, at most
MOST_NATS = 300  # mean loss beyond which a perplexity (1e130) is no result
GATE = 0.01  # relative distance from the published dense perplexity that is allowed
SAME_BASELINE = 1e-6  # relative distance at which a dense perplexity is that of an earlier run
BFLOAT16_FROM = (8, 0)  # compute capability

# Intervals (rule 13).
LEVEL = 0.95
# Eight and not ten: with 40 windows correlated at 0.4, ten batches covered 91.7 % in a simulation of normal windows and
# 90.8 % of skewed ones, eight 92.7 and 91.5; with 100 windows and more the two differ by less than half a point.
BATCHES = 8  # of windows, over whose means the t-interval is taken
FEWEST_WINDOWS = 40  # with fewer neighbouring ones there is no interval
# Windows that lie apart are hardly correlated: 16 of every fourth covered 94.6 % in the simulation in which 40
# neighbouring ones covered 93.1 %, and 92.9 against 91.4 % where the windows were skewed.
FEWEST_SPREAD_WINDOWS = 16
TEXT_PER_SPREAD_WINDOW = 4  # windows of the text for each one that is read, at least

# Generation and its speed (rule 17).
NEW_TOKENS = 50  # a prompt is continued by, unless the manifest says otherwise
TIMING_WARM_UPS = 1  # runs of a block that are not timed
TIMING_REPEATS = 5  # timed runs of a block
TIMING_BLOCKS = 2  # of each model, apart in time
SAMPLES_KEPT = 4  # continuations in the record
ALONE = 4  # prompts that are also continued alone, in 16 bits
SPEED_MARGIN = 0.03  # speeds this close count as equal
SPEED_LEVEL = 0.90  # of the interval: two one-sided tests at 5 %

# Coherence (rule 20). Each pair is where a verdict begins: (degraded, incoherent).
JUDGED_PROMPTS = 32  # that are continued, and the fewest that a verdict rests on
GRAM = 4  # tokens of a sequence that may repeat
JUDGED_TOGETHER = 8  # continuations that the dense model reads at once
MORE_REPEATED = (0.15, 0.5)  # added share of sequences that occurred before in the sample
FEWER_DISTINCT = (0.8, 0.4)  # share of the dense model's distinct bigrams
JUDGE_FACTOR = (3.0, 30.0)  # factor, up or down, on the dense model's perplexity of its own writing
MORE_FAULTS = (0.1, math.inf)  # added share of samples the grammar rejects; a fault alone is not incoherence

# The cliff (rule 22).
TOLERANCE = 1.1  # perplexity ratio that still counts as unharmed
FACTORS = (TOLERANCE, 2.0, 10.0)  # perplexity ratios whose crossings are asked for
FINEST = 0.01  # sparsity to which a crossing is known
SCAN = tuple(k / 100 for k in (10, 20, 30, 40, 50, 60, 70, 80, 90, 99))  # a curve need not rise everywhere
SEQUENTIAL_ERROR = 0.01  # alpha: about the chance that a step which stops early is wrong
SEQUENTIAL_FEWEST = 8  # windows before the first look: of fewer, the variance cannot be told
SEQUENTIAL_TIGHTEST = 16  # windows at which the boundary of the confidence sequence is closest
SEQUENTIAL_SHARE = 0.5  # of the windows, at most, before a step is left open
SEQUENTIAL_SEED = 0  # of the order of the windows

# Location (rules 13 and 22).
MASS_FACTORS = FACTORS[:2]  # at which the removable mass is read, and criteria are compared
EQUAL_HARM = 0.01  # two harms whose ratio is certainly this close to 1 count as equal
CLEAR_LOSS = 0.1  # nats a word: the kind of word that lost so much first is named

# What breaks, by kind of word (rule 24).
DAMAGE = 2.0  # perplexity ratio that each part's cells are chosen nearest to
DAMAGE_RANGE = (1.3, 5.0)  # how far from it they may lie
FEWEST_MODELS = 3  # for an interval over models

# Claims (rule 13).
SIGN_LEVEL = 0.05  # of the sign test that grades a claim over many comparisons
MUCH = 0.6  # sparsity from which on criteria are held against each other
UNHARMED = 0.01  # the first study's "without impact": a ratio certainly this close to 1
FASTER = 5.0  # the first study's "faster": times the dense speed
STATED_HALF = 0.5  # the first study's sparsities: "half of the weights",
STATED_MOST = 0.9  # and "90 %"

# Recovery (rule 25).
RECOVERY_WARM_UP = 1 / 20  # of the steps, over which the learning rate rises
RECOVERY_FINAL_RATE = 0.1  # of the learning rate, at the end of a cosine
RECOVERY_EVALUATED = (1 / 8, 1 / 4, 1 / 2, 1)  # shares of the steps after which perplexity is taken
RECOVERY_GRADIENT_NORM = 1.0

# The search for a lottery ticket (rule 26).
TICKET_WARM_UP = 1 / 20  # of the steps, over which the learning rate rises
TICKET_DECAY = 1 / 2  # of the steps, the last, over which it falls along a line
TICKET_FINAL_RATE = 1 / 50  # of the learning rate, at the end
TICKET_BETAS = (0.9, 0.98)  # of AdamW
TICKET_WEIGHT_DECAY = 0.05  # of matrices
TICKET_GRADIENT_NORM = 1.0
TICKET_EXAMINED = 8  # times along a training
TICKET_PATH = 9  # points on a straight line between two networks, both ends included
DENSE_LONGER = 4  # times as long `dense-longer` is trained, unless the manifest says otherwise
REINIT_SEED = 1_000_003  # what is added to the ticket's seed for other initial values
SMALL_DENSE_NEAR = 0.01  # relative distance of its parameters from the number that survives
SMALL_DENSE_WIDEST = 8  # times its outer width is its inner width at most
MATCH = 0.02  # a loss less than this above another's matches it: 2 % of perplexity
ONE_SIDED = 0.90  # the two-sided interval whose upper end bounds a mean from above at 95 %
ENOUGH = 0.1  # share remaining that a search is looked at where no ticket matches
EARLY = 0.1  # share of the training by which a mask is read early

# Comparison of two runs (rule 27). Bounds are on |ln(perplexity / perplexity)|.
ROUNDING = {"float32": 1e-5, "float16": 5e-4, "bfloat16": 3e-3}  # by dtype; times the ratio to dense
ACROSS_DEVICES = 1e-4  # at least this between a processor and a GPU
AGREEMENT = 0.99  # of sampled weights, at least, of two masks that differ by rounding
LEARNT = 10.0  # times as far apart, where a text decides what is removed, or the model is trained
SUMMED = 2**-30  # nats a token and entry of the vocabulary, where one side summed the softmax in float32 only
TRAINED = 0.1  # between the held-out losses of one training in float32
PAST = 10.0  # times the dense perplexity: beyond, only verdicts are compared

# What the rules rest on: measured once, stated by the documents, and held to by tests where that takes seconds.
FLOAT32_BIAS = (49_152, 1.6e-5)  # vocabulary; by so many nats a mean loss summed in float32 came out low
SIMULATIONS = 20_000  # texts for each case of `SIMULATED_WINDOWS` and `SIMULATED_CORRELATION`
SIMULATED_WINDOWS = (40, 300)
SIMULATED_CORRELATION = 0.4  # of neighbouring windows, beside 0
COVERAGE = (0.927, 0.952)  # how often, at least and at most, the interval held the true mean
