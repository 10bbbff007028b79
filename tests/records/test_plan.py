"""A study's plan lies beside its records, and says what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from suite.analysis.facts import build_facts
from suite.manifest import read_study
from suite.manifest.cliff import Known, Search
from suite.records import Plan, PlannedSearch, Store, read_plans, read_records
from tests.synthetic import embedded, phase1, record


def plan_of(records, **changes) -> Plan:
    experiments = tuple(one.experiment for one in records)
    return Plan(name="phase1", title="Phase 1", manifest="title: Phase 1\n", experiments=experiments, **changes)


def test_a_plan_reads_back_and_is_no_record(tmp_path: Path):
    store = Store(tmp_path / "phase1")
    store.prepare()
    store.write_plan(plan_of(phase1()))
    for one in phase1():
        store.write(one)
    records, damaged = read_records([tmp_path])
    assert len(records) == len(phase1()) and damaged == []
    assert read_plans([tmp_path]) == read_plans([store.folder]) == [plan_of(phase1())]


def test_a_plan_that_did_not_change_is_not_written_again(tmp_path: Path):
    store = Store(tmp_path)
    store.write_plan(plan_of(phase1()))
    before = (tmp_path / "plan.json").stat().st_mtime_ns
    store.write_plan(plan_of(phase1()))
    assert (tmp_path / "plan.json").stat().st_mtime_ns == before


def test_a_manifest_gives_its_plan_with_its_own_words():
    study = read_study(Path("manifests/embedded.yaml"))
    plan = study.plan
    assert plan and plan.manifest == Path("manifests/embedded.yaml").read_text(encoding="utf-8")
    assert plan.experiments == study.experiments and len(plan.searches) == len(study.searches)
    assert replace(study, manifest=None).plan is None


def test_facts_know_what_is_planned_and_has_no_record():
    every = phase1()
    there, missing = every[:-2], every[-2:]
    (study,) = build_facts(there, [plan_of(every)]).studies
    assert study.pending == tuple(one.experiment for one in missing)
    assert study.finished + study.failed == len(there) and not study.complete
    (study,) = build_facts(every, [plan_of(every)]).studies
    assert study.pending == () and study.complete == (study.failed == 0)


def test_records_of_no_plan_belong_to_no_study():
    (study,) = build_facts([*phase1(), *embedded()], [plan_of(phase1())]).studies
    assert study.finished + study.failed == len(phase1())


def test_a_search_is_pending_until_every_crossing_is_known_to_one_per_cent():
    dense = record()
    template = record(target="mlp", sparsity=0.5, ratio=1.0).experiment.model_copy(update={"sparsity": 0.0})
    search = PlannedSearch(template=template, factors=(1.1,))
    points = {k / 100: 1.0 if k < 45 else 2.0 for k in (10, 20, 30, 40, 50)}
    assert Search(template, (1.1,)).next(Known(points)) is not None
    cells = [record(target="mlp", sparsity=s, ratio=r) for s, r in points.items()]
    (study,) = build_facts([dense, *cells], [plan_of([dense], searches=(search,))]).studies
    assert study.searching == 1 and study.finished == 6
    finer = {k / 100: 1.0 if k < 45 else 2.0 for k in range(41, 50)}
    cells += [record(target="mlp", sparsity=s, ratio=r) for s, r in finer.items()]
    (study,) = build_facts([dense, *cells], [plan_of([dense], searches=(search,))]).studies
    assert study.searching == 0 and study.complete
