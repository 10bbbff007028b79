"""A manifest says how much is written; what is held against each other writes alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import read_study
from suite.records.experiment import Continuation, Experiment
from tests.synthetic import record

Write = Callable[..., Path]
CELL = "[{target: mlp, sparsity: 0.5}]"


def experiments(path: Path) -> tuple[Experiment, ...]:
    return read_study(path).experiments


def test_so_many_prompts_and_tokens_are_another_experiment_and_the_usual_number_is_the_same_one(
    write_manifest: Write,
) -> None:
    usual = experiments(write_manifest(CELL, measure="generation"))
    said = experiments(write_manifest(CELL, measure="generation", generation="{prompts: 32, tokens: 50}"))
    assert [one.id for one in said] == [one.id for one in usual]
    for entry, expected in {
        "{tokens: 20}": Continuation(prompts=32, tokens=20),
        "{prompts: 4}": Continuation(prompts=4, tokens=50),
    }.items():
        other = experiments(write_manifest(CELL, measure="generation", generation=entry))
        assert {one.generation for one in other} == {expected} and len(other) == 2
        assert not {one.id for one in other} & {one.id for one in usual}


def test_what_writes_nothing_keeps_its_id(write_manifest: Write) -> None:
    usual = experiments(write_manifest(CELL, measure="perplexity"))
    said = experiments(write_manifest(CELL, measure="perplexity", generation="{tokens: 20}"))
    assert [one.id for one in said] == [one.id for one in usual]


def test_the_dense_model_writes_as_much_as_the_cells_that_write(write_manifest: Write) -> None:
    dense, plain, writing = experiments(
        write_manifest(
            "[{target: mlp, sparsity: 0.5}, "
            "{target: attention, sparsity: 0.5, measure: generation, generation: {prompts: 5, tokens: 9}}]"
        )
    )
    assert dense.generation == writing.generation == Continuation(prompts=5, tokens=9)
    assert plain.generation == Continuation()


def test_the_unpruned_model_in_another_precision_writes_as_much_if_it_writes(write_manifest: Write) -> None:
    grid = "[{target: mlp, sparsity: 0.5, precision: [float32, bfloat16], measure: %s}]"
    found = experiments(write_manifest(grid % "generation", generation="{tokens: 9}"))
    assert len(found) > 3 and {one.generation.tokens for one in found} == {9}
    mixed = experiments(
        write_manifest(
            "[{target: mlp, sparsity: 0.5, precision: bfloat16, measure: perplexity}, "
            "{target: mlp, sparsity: 0.6, measure: generation}]",
            generation="{tokens: 9}",
        )
    )
    assert {one.writes: one.generation.tokens for one in mixed} == {True: 9, False: 50}


def test_cells_of_one_model_that_write_differently_are_refused(write_manifest: Write) -> None:
    path = write_manifest(
        "[{target: mlp, sparsity: 0.5}, {target: attention, sparsity: 0.5, generation: {tokens: 9}}]",
        measure="generation",
    )
    with pytest.raises(InputError, match=r"32 prompts of 9 new tokens are asked for of 'tiny', and 32 prompts of 50"):
        read_study(path)


@pytest.mark.parametrize(
    ("entry", "measure", "message"),
    [
        ("{prompts: 0}", "generation", "prompts: .*greater than or equal to 1"),
        ("{prompts: 33}", "generation", "prompts: .*less than or equal to 32"),
        ("{tokens: 1}", "generation", "tokens: .*greater than or equal to 2"),
        ("{tokens: 1001}", "generation", "tokens: .*less than or equal to 1000"),
        ("{tokens: 1.5}", "generation", "tokens: .*valid integer"),
        ("{words: 5}", "generation", "words"),
        ("{tokens: 449}", "generation", r"449 new tokens are more than the 512 positions .*'tiny'; set `tokens: 448`"),
        ("{prompts: 31}", "coherence", r"32 prompts or more .* 31 prompts of 50 new tokens; .*leave `coherence` out"),
        ("{tokens: 4}", "[generation, coherence]", r"5 new tokens or more, and this is 32 prompts of 4 new tokens"),
    ],
)
def test_too_much_and_too_little_is_refused_with_its_place(
    write_manifest: Write, entry: str, measure: str, message: str
) -> None:
    for cells in (CELL, ""):
        with pytest.raises(InputError, match=message) as told:
            read_study(write_manifest(cells, measure=measure, generation=entry))
        assert "study.yaml:" in str(told.value) and len(str(told.value).splitlines()) == 1
    read_study(write_manifest(CELL, measure="perplexity", generation="{tokens: 449}"))


def test_records_from_before_are_read_as_the_usual_number() -> None:
    asked = record(target="mlp", sparsity=0.5).experiment
    before = asked.model_dump(mode="json", exclude={"generation"})
    assert Experiment.model_validate(before) == asked and asked.generation == Continuation(prompts=32, tokens=50)
    other = asked.model_copy(update={"generation": Continuation(prompts=32, tokens=20)})
    assert other.id != asked.id == Experiment.model_validate(before).id
