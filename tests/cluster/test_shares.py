"""What a study lacks is dealt out whole, once, and evenly; and a task finds its part again on its node."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.cluster.shares import Share, deal, missing, part
from suite.errors import InputError
from suite.machine import Machine
from suite.manifest import Study, read_study
from suite.paths import MANIFESTS
from suite.records import Store
from tests.invented import record

MACHINE = Machine("a processor", 2, 8_000_000_000)
SECONDS = st.floats(0.1, 1000)


def test_a_seeds_trainings_stay_together_and_no_task_waits_for_another(tmp_path: Path) -> None:
    study = read_study(MANIFESTS / "ticket-quick.yaml")
    shares = missing(study, Store(tmp_path), MACHINE, ())
    dealt = deal(shares, 5)
    assert len(dealt) == 2
    seeds = [{one.seed for one in study.experiments if one.id in share.cells} for share in dealt]
    assert sorted(map(sorted, seeds)) == [[0], [1]]
    assert sum(len(share.cells) for share in dealt) == len(study.experiments)
    assert len(part(study, dealt[0].cells, ()).experiments) == len(dealt[0].cells)


def embedded() -> Study:
    return read_study(MANIFESTS / "embedded.yaml")


@given(
    st.lists(st.tuples(SECONDS, st.lists(SECONDS, min_size=1, max_size=12)), min_size=1, max_size=6),
    st.integers(1, 20),
)
def test_every_cell_is_dealt_once_to_so_many_tasks(models: list[tuple[float, list[float]]], tasks: int) -> None:
    shares = [
        Share([f"m{i}"], {f"m{i}-{j}": seconds for j, seconds in enumerate(cells)}, loading=loading)
        for i, (loading, cells) in enumerate(models)
    ]
    dealt = deal(shares, tasks)
    cells = Counter(cell for share in dealt for cell in share.cells)
    assert cells == Counter(cell for share in shares for cell in share.cells)
    assert len(dealt) == min(tasks, len(cells))
    for share in dealt:
        assert {cell.partition("-")[0] for cell in share.cells} == set(share.models)


def test_without_a_number_each_model_is_loaded_once() -> None:
    study = embedded()
    dealt = deal(missing(study, Store(Path("nowhere")), MACHINE, ()), None)
    assert sorted(name for share in dealt for name in share.models) == sorted(model.name for model in study.models)


def test_tasks_take_about_as_long() -> None:
    shares = [Share(["large"], {f"l{i}": 10.0 for i in range(40)}, loading=20.0), Share(["small"], {"s": 5.0})]
    times = [share.seconds for share in deal(shares, 5)]
    assert max(times) == 120.0  # 40 cells over 4 tasks, and each loads the model
    assert len(times) == 5


def test_short_models_share_a_task() -> None:
    shares = [Share([name], {name: 1.0}, loading=1.0) for name in "abcdef"]
    dealt = deal(shares, 2)
    assert [len(share.models) for share in dealt] == [3, 3]


def test_what_is_done_or_with_others_is_not_dealt(tmp_path: Path) -> None:
    study = embedded()
    first, second, third, *_ = study.cells(study.models[0])
    Store(tmp_path).write(record().model_copy(update={"experiment": first, "id": first.id}))
    dealt = {cell for share in missing(study, Store(tmp_path), MACHINE, {second.id}) for cell in share.cells}
    assert first.id not in dealt and second.id not in dealt and third.id in dealt


def test_a_part_of_a_study_has_its_cells_and_the_dense_baseline() -> None:
    study = embedded()
    dense, *_, last = study.cells(study.models[1])
    found = part(study, [last.id], [])
    assert found.experiments == (dense, last)
    assert found.models == (study.models[1],)
    assert found.searches == () and found.plan is None
    search = study.searches[0]
    found = part(study, [], [search.template.id])
    assert found.searches == (search,) and [cell.dense for cell in found.experiments] == [True]


def test_a_manifest_that_changed_since_is_told() -> None:
    with pytest.raises(InputError, match="1 of this task's experiments are not in embedded any more.* submit it again"):
        part(embedded(), ["f" * 64], [])
