"""What is freed is used again without the system's help, and goes back to it in the end."""

from __future__ import annotations

import ctypes
import resource

import pytest
import torch

from suite.evaluation.memory import resident
from suite.evaluation.retained_malloc import retained_malloc

BYTES = 96 * 2**20  # beyond what glibc keeps by itself

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")


def faults_of_a_block(size: int = BYTES) -> int:
    """How many pages the system had to bring for a block that is filled and let go."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(size, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_freed_block_is_used_again_without_the_system() -> None:
    with retained_malloc():
        faults_of_a_block()
        kept = faults_of_a_block(BYTES - 4096)  # glibc aligns a block in a place that is some bytes larger
    assert 10 * kept < faults_of_a_block()


def test_what_is_free_goes_back_on_leaving_whatever_happens() -> None:
    with retained_malloc():
        pass  # what earlier tests left free goes back, or the block would lie in it
    before = resident()
    assert before is not None
    with pytest.raises(ValueError, match="on purpose"), retained_malloc():
        faults_of_a_block()
        assert (resident() or 0) > before + BYTES // 2
        raise ValueError("on purpose")
    assert (resident() or 0) < before + BYTES // 2
