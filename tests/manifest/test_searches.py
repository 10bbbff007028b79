"""A search for a ticket, from its manifest: which trainings it has, in which order, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import Study, read_study
from suite.manifest.expand import describe
from suite.paths import MANIFESTS
from suite.records.experiment import Experiment
from suite.training.levels import asked_of as asked
from suite.training.levels import remaining, stands_on

NET = (
    "{name: net, architecture: {model_type: llama, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1, "
    "num_attention_heads: 2, tie_word_embeddings: true}}"
)


def study(
    folder: Path, ticket: str, models: str = NET, text: str = "short-stories", more: str = "context: 40"
) -> Study:
    path = folder / "search.yaml"
    path.write_text(f"title: a\nmodels: [{models}]\ntext: {text}\n{more}\n" + (f"ticket: {ticket}\n" if ticket else ""))
    return read_study(path)


QUICK = "{levels: 3, steps: 10, learning_rate: 0.01}"


def test_every_arm_runs_at_its_levels_and_rewinds(tmp_path: Path) -> None:
    found = study(
        tmp_path,
        "{levels: 3, compared: [1, 3], rewind: [0, 5], orders: 2, early: {read: [10, 100], levels: 2}, steps: 10, "
        "learning_rate: 0.01}",
        more="context: 40\nseed: [4, 5]",
    )
    assert Counter(asked(one).arm for one in found.experiments if one.seed == 4) == {
        "dense": 2,
        "dense-longer": 1,
        "ticket": 3 * 2 + 3,
        "learning-rate-rewinding": 3,
        "random-reinit": 4,
        "random": 4,
        "small-dense": 2,
        "early": 2,
    }
    assert {one.seed for one in found.experiments} == {4, 5}
    assert {asked(one).read for one in found.experiments} == {None, 0.1, 1.0}
    assert len({one.id for one in found.experiments}) == len(found.experiments)


def test_each_training_comes_after_those_it_stands_on() -> None:
    for name in ("ticket", "ticket-quick", "ticket-large"):
        found = read_study(MANIFESTS / f"{name}.yaml")
        weights = found.models[0].anatomy.block_weights
        seen: set[str] = set()
        for one in found.experiments:
            assert {behind.id for behind in stands_on(one, weights).values()} <= seen, describe(one)
            seen.add(one.id)


def test_the_sparsity_of_a_level_is_that_of_whole_weights(tmp_path: Path) -> None:
    found = study(tmp_path, QUICK)
    weights = found.models[0].anatomy.block_weights
    for one in found.experiments:
        if not one.unpruned:
            left = remaining(weights, 0.2, asked(one).level)
            assert round(one.sparsity * weights) == weights - left


def test_arms_have_the_same_budget_and_the_plateau_more(tmp_path: Path) -> None:
    found = study(tmp_path, QUICK)
    budgets = {(asked(one).steps, asked(one).batch) for one in found.experiments if asked(one).arm != "dense-longer"}
    assert budgets == {(10, 8)}
    assert {asked(one).steps for one in found.experiments if asked(one).arm == "dense-longer"} == {40}


def test_an_id_does_not_depend_on_the_other_levels_and_arms(tmp_path: Path) -> None:
    short = {one.id for one in study(tmp_path, QUICK).experiments}
    long = {one.id for one in study(tmp_path, QUICK.replace("levels: 3", "levels: 9, compared: [1, 2, 3]")).experiments}
    assert short < long


def test_ids_of_what_was_measured_before_there_were_trainings_stay() -> None:
    first = read_study(MANIFESTS / "embedded.yaml").experiments[0]
    assert first.id.startswith(next(path.stem for path in [_reference(first)]))


def _reference(experiment: Experiment) -> Path:
    return MANIFESTS / "reference" / "embedded" / f"{experiment.id}.json"


@pytest.mark.parametrize(
    ("ticket", "changes", "said"),
    [
        ("{levels: 3, compared: [4], steps: 10, learning_rate: 0.01}", {}, "level 4 is beyond the last, 3"),
        ("{rewind: 100, steps: 10, learning_rate: 0.01}", {}, "at 100 % a training is over"),
        (
            "{levels: 60, orders: 100, steps: 10, learning_rate: 0.01}",
            {"more": "context: 40\nseed: [0, 1]"},
            "more than 10,000 trainings",
        ),
        (QUICK, {"text": "wikitext-2"}, "knows the words of the embedded corpus alone"),
        (QUICK, {"more": "sparsity: 0.5"}, "leave `sparsity` out"),
        ("", {}, "is not trained, so there is nothing to prune yet"),
        ("{name: short-stories, steps: 10, learning_rate: 0.01}", {}, "is the one that is measured on"),
        (QUICK, {"models": NET.replace("hidden_size: 16", "hidden_size: 18")}, "even multiple of num_attention_heads"),
        (QUICK, {"models": NET.replace("hidden_size: 16, ", "")}, "lacks the key 'hidden_size'"),
        (QUICK, {"models": NET.replace("llama", "gpt2")}, "a network to be trained is of a declared family"),
        (QUICK, {"models": NET.replace("}}", "}, path: x}")}, "has both `path` and `architecture`"),
    ],
)
def test_what_does_not_go_together_is_refused_where_it_stands(
    tmp_path: Path, ticket: str, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match=rf"search\.yaml:\d+:\d+: .*{said}"):
        study(tmp_path, ticket, **changes)


def test_a_training_is_told_in_a_few_words(tmp_path: Path) -> None:
    told = [
        describe(one) for one in study(tmp_path, "{levels: 2, rewind: 5, steps: 10, learning_rate: 0.1}").experiments
    ]
    assert told[:3] == [
        "net dense seed 0",
        "net dense-longer seed 0",
        "net ticket level 1 rewound to 5 % 80 % remaining seed 0",
    ]
