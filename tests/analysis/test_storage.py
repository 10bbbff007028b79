"""Promises of bytes: a pruned model is held against a dense one only where its file is no larger."""

import pytest

from suite.analysis.storage import Match
from suite.analysis.values import Verdict
from suite.records.experiment import TextReference
from suite.records.schema import Record, Size
from tests.synthetic import record
from tests.told import claims, found

LARGE, MAIN, SMALL = "story-mistral-large", "story-mistral", "story-mistral-small"
DENSE = {LARGE: 400, MAIN: 200, SMALL: 100}


def kept(bytes_: int | None = None, **cell) -> Record:
    """A record with the size of its file: what the model takes dense, or `bytes_` pruned."""
    found = record(**{"model": MAIN, "noise": 0.01, **cell})
    dense = DENSE[found.experiment.model]
    return found.model_copy(update={"size": Size(dense_bytes=dense, compressed_bytes=bytes_ or dense + 3)})


def compared(*pruned: Record) -> tuple[Verdict | None, tuple[Match, ...]]:
    """The verdict on whether a larger model pruned beats a smaller one, and the pairs that it rests on."""
    records = [*(kept(model=model) for model in DENSE), *pruned]
    claim = claims(records).get("pruned_beats_smaller")
    return claim.verdict if claim else None, found("storage", records).matches


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict"),
    [(0.8, 0.01, Verdict.HOLDS), (1.2, 0.01, Verdict.FAILS), (1.001, 0.1, Verdict.UNKNOWN)],
)
def test_a_pruned_model_beats_a_smaller_dense_one_or_not_or_it_cannot_be_told(ratio, noise, verdict):
    told, (match,) = compared(kept(90, target="all", sparsity=0.7, ratio=ratio, noise=noise))
    assert told is verdict
    assert (match.dense.model, match.dense.bytes, match.pruned.bytes) == (SMALL, 100.0, 90.0)
    assert match.pruned.sparsity == 0.7 and match.pruned.perplexity == pytest.approx(1.47 * ratio)


def test_the_best_of_the_cells_whose_file_is_small_enough_is_compared():
    cells = [(120, 0.6, 0.5), (100, 0.7, 0.9), (80, 0.8, 1.3)]
    _, (match,) = compared(*(kept(b, target="all", sparsity=s, ratio=r) for b, s, r in cells))
    assert match.pruned.sparsity == 0.7


def test_every_pair_of_sizes_is_compared_and_a_win_beside_a_loss_is_mixed():
    cells = [kept(90, model=MAIN, target="all", sparsity=0.7, ratio=0.8)]
    cells += [kept(190, model=LARGE, target="blocks", sparsity=0.6, ratio=1.4)]
    verdict, matches = compared(*cells)
    pairs = [(match.pruned.model, match.dense.model, match.better) for match in matches]
    assert pairs == [(LARGE, MAIN, Verdict.FAILS), (MAIN, SMALL, Verdict.HOLDS)], "the large one's is no small file"
    assert verdict is Verdict.MIXED and matches[0].ratio.level == pytest.approx(0.975)


def test_nothing_is_claimed_where_no_file_is_small_enough_or_no_smaller_model_was_measured():
    assert compared(kept(150, target="all", sparsity=0.3)) == (None, ())
    assert "pruned_beats_smaller" not in claims([kept(), kept(90, target="all", sparsity=0.7)])


def test_another_text_or_architecture_is_no_smaller_model():
    letters = TextReference(name="letters", revision="sha256:" + "6" * 64, join="\n")
    small = kept(model=SMALL, text=letters)
    quality = small.perplexity.model_copy(
        update={"protocol": small.perplexity.protocol.model_copy(update={"text_sha256": "6" * 64})}
    )
    other = kept(model=SMALL)
    strange = other.model.model_copy(update={"architecture": "Other"})
    pruned = kept(90, target="all", sparsity=0.7)
    for rival in (small.model_copy(update={"perplexity": quality}), other.model_copy(update={"model": strange})):
        assert "pruned_beats_smaller" not in claims([kept(), pruned, rival])


def test_a_tied_head_makes_no_smaller_model():
    tied = kept(model=SMALL)
    same = tied.model.model_copy(update={"block_weights": kept().model.block_weights, "tied": True})
    records = [kept(), kept(90, target="all", sparsity=0.7), tied.model_copy(update={"model": same})]
    assert "pruned_beats_smaller" not in claims(records)


def test_the_path_goes_from_dense_to_the_smallest_file_and_leaves_out_what_was_not_written():
    searched = record(target="all", sparsity=0.6, measure=("perplexity",))
    cells = [kept(90, target="all", sparsity=0.7), kept(150, target="all", sparsity=0.5), searched]
    storage = found("storage", [kept(), kept(model=SMALL), *cells]).storage
    assert (storage.main.dense.bytes, [one.bytes for one in storage.main.pruned]) == (200.0, [150.0, 90.0])
    assert [path.model for path in storage.others] == [SMALL]
    assert found("storage", [record(), searched]) is None
