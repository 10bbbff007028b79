"""Records that were written before names changed stay what they are: readable, sealed, under their ids."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from suite.paths import MANIFESTS
from suite.records import SCHEMA, Record, read_plans
from suite.records.experiment import Experiment
from suite.records.schema import READABLE, Generation
from suite.records.store import read_record
from suite.records.trained import Trained
from tests.synthetic import record
from tests.trained import training

SHIPPED = sorted(path for path in (MANIFESTS / "reference").glob("*/*.json") if path.name != "plan.json")
# What `sha256sum` says of the seals of all shipped records, by their file names: a record that is written anew shows.
UNDER_WAY = {"laptop"}  # studies whose measurements are not complete yet
SEALS = "f0527402b6ab95cce78595e89b8428cfcc4b028fa509acf2e1f221738c4427ad"


def test_every_shipped_record_keeps_its_id_its_file_name_and_its_seal() -> None:
    seals = hashlib.sha256()
    for path in SHIPPED:
        found = read_record(path)
        assert isinstance(found, Record), found
        assert found.id == found.experiment.id == path.stem
        if path.parent.name not in UNDER_WAY:
            seals.update(f"{path.parent.name}/{path.name} {found.seal}\n".encode())
    assert seals.hexdigest() == SEALS


def test_every_shipped_plan_is_read_and_names_its_records() -> None:
    plans = {plan.name: {one.id for one in plan.experiments} for plan in read_plans([MANIFESTS / "reference"])}
    for path in SHIPPED:
        assert plans[path.parent.name], path.parent.name
    named = Counter(path.parent.name for path in SHIPPED if path.stem in plans[path.parent.name])
    assert all(named[study] == len(ids) for study, ids in plans.items() if study not in UNDER_WAY)


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("plateau", "dense-longer"),
        ("fresh", "random-reinit"),
        ("rate-rewinding", "learning-rate-rewinding"),
        ("small", "small-dense"),
    ],
)
def test_an_arm_under_its_former_name_is_the_same_experiment(former: str, present: str) -> None:
    now = training(present, level=4).experiment
    said = json.loads(now.model_dump_json())
    said["training"]["arm"] = former
    before = Experiment.model_validate(said)
    assert before == now and before.id == now.id
    assert before.training is not None and before.training.arm == present


def test_a_scope_under_its_former_name_is_the_same_experiment() -> None:
    now = record(target="blocks", sparsity=0.5, scope="reference").experiment
    before = Experiment.model_validate({**now.model_dump(), "scope": "published"})
    assert before == now and before.id == now.id


def test_sections_are_read_under_the_former_names_of_their_fields() -> None:
    found = training(level=4)
    assert found.training is not None
    said = found.training.model_dump(mode="json")
    said["together"] = said.pop("parallel") + 2
    assert Trained.model_validate(said).parallel == said["together"]
    board = {"sm_clock_mhz": 1380.0, "power_w": 212.0, "temperature_c": 61.0, "energy_j_per_token": None}
    generation = record().generation
    assert generation is not None
    said = {**generation.model_dump(mode="json", exclude={"gpu_telemetry"}), "board": board}
    telemetry = Generation.model_validate(said).gpu_telemetry
    assert telemetry is not None and telemetry.power_w == 212.0


def test_a_record_of_the_schema_before_is_read_and_a_new_one_says_its_own(tmp_path: Path) -> None:
    assert json.loads(SHIPPED[0].read_bytes())["schema"] in READABLE
    assert json.loads(record().to_json())["schema"] == SCHEMA != READABLE[1]


def test_ids_do_not_change_for_what_is_measured_as_before_and_do_for_other_windows() -> None:
    whole = record(target="all", sparsity=0.5).experiment
    assert whole.model_copy(update={"windows": None, "bos": "once"}).id == whole.id
    others = {whole.model_copy(update=changes).id for changes in ({"windows": 16}, {"windows": 8}, {"bos": "each"})}
    assert len(others | {whole.id}) == 4
