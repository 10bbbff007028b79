"""The rules of measurement as numbers, for the paper to state.

Some stand in modules that import torch, which a report does without; those are repeated here, and a test holds them to
the code.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from suite.analysis import breaks, order, speed
from suite.analysis.curves import TOLERANCE
from suite.analysis.over_models import FEWEST_MODELS
from suite.analysis.points import FINEST
from suite.analysis.ticket.rows import EARLY, ENOUGH
from suite.analysis.ticket.seeds import MARGIN, ONE_SIDED
from suite.analysis.values import SIGN_LEVEL
from suite.comparison.tolerance import ACROSS_DEVICES, BASE, PAST, SUMMED, TRAINED
from suite.evaluation.interval import BATCHES, FEWEST_WINDOWS, LEVEL
from suite.manifest.cliff import FACTORS, SCAN

RULES: MappingProxyType[str, Any] = MappingProxyType(
    {
        # Intervals, and how often they held the truth in the simulations of tests/evaluation/test_interval.py.
        "level": LEVEL,
        "batches": BATCHES,
        "windows": FEWEST_WINDOWS,
        "coverage": (0.927, 0.952),
        "simulations": 20_000,
        "simulated_windows": (40, 300),
        "simulated_correlation": 0.4,
        # The search for a cliff.
        "finest": FINEST,
        "scan": SCAN,
        "factors": FACTORS,
        "tolerance_ratio": TOLERANCE,
        "sign_level": SIGN_LEVEL,
        # Claims.
        "equal_harm": order.EQUAL,
        "damage": (breaks.LEAST, breaks.DAMAGE, breaks.MOST),
        "fewest_models": FEWEST_MODELS,
        # Evaluation: suite/evaluation/gate.py, perplexity.py, suite/runner/session.py, suite/machine.py.
        "gate": 0.01,
        "logits_at_once": 2**24,
        "float32_bias": (49_152, 1.6e-5),  # vocabulary; by so many nats a token is a loss summed in float32 low
        "tokens_a_batch": 2048,
        "bfloat16_from": 8.0,
        # Generation and its speed: suite/evaluation/generation.py and writing.py.
        "new_tokens": 50,
        "repeats": 5,
        "samples_kept": 4,
        "speed_level": speed.LEVEL,
        "equal_speed": speed.EQUIVALENCE,
        # Coherence: suite/evaluation/coherence.py; each pair is where degraded and where incoherent begins.
        "prompts": 32,
        "gram": 4,
        "more_repeated": (0.15, 0.5),
        "fewer_distinct": (0.8, 0.4),
        "judge_factor": (3.0, 30.0),
        "more_faults": 0.1,
        # Random removal: suite/pruning/keys.py.
        "key_bytes": 16,
        "word_bits": 32,
        # Criteria that look at activations, rounding, recovery: suite/pruning, suite/models, suite/training.
        "sparsegpt_block": 128,
        "sparsegpt_damping": 0.01,
        "owl_times": 5.0,
        "owl_spread": 0.08,
        "largest_e4m3": 448.0,
        "gradient_norm": 1.0,
        "warm_up": 0.05,
        "final_rate": 0.1,
        # The search for a ticket: suite/training/ticket.py and networks.py.
        "ticket_warm_up": 1 / 20,
        "ticket_decay": 1 / 2,
        "ticket_final_rate": 1 / 50,
        "ticket_path": 9,
        "ticket_betas": (0.9, 0.98),
        "ticket_weight_decay": 0.05,
        "ticket_gradient_norm": 1.0,
        "one_sided": ONE_SIDED,
        "margin": MARGIN,
        "enough": ENOUGH,
        "read_early": EARLY,
        # Comparison of two runs.
        "tolerance": BASE,
        "across_devices": ACROSS_DEVICES,
        "past": PAST,
        "summed": SUMMED,
        "trained": TRAINED,
        "thousand": 10**3,
        "million": 10**6,
    }
)
