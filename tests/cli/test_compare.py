"""`lottery compare`: whether a study reproduces, cell by cell and in one sentence; the exit code says it too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suite.records import Record
from tests.synthetic import embedded, record
from tests.told import claims
from tests.trained import training

ATTENTION = {"target": "attention", "sparsity": 0.5}


def altered(one: Record, section: str, **fields: Any) -> Record:
    return one.model_copy(update={section: getattr(one, section).model_copy(update=fields)})


def faulty(fault: str) -> list[Record]:
    """The embedded study with one fault planted in attention at 50 %."""
    records = {one.id: one for one in embedded()}
    cell = record(**ATTENTION)
    assert cell.perplexity is not None
    protocol = cell.perplexity.protocol
    records[cell.id] = {
        "mask": altered(cell, "pruning", mask_digest="0" * 64),
        "perplexity": altered(cell, "perplexity", value=cell.perplexity.value * 1.01),
        "tokenizer": altered(
            cell, "perplexity", protocol=protocol.model_copy(update={"tokenizer_sha256": "1a2b3c4d" * 8})
        ),
        "windows": altered(cell, "perplexity", protocol=protocol.model_copy(update={"context": 128})),
        "offloaded": altered(cell, "environment", device_map="cpu: 10 modules, cuda:0: 22 modules"),
        "verdict": altered(cell, "coherence", verdict="incoherent"),
        "failed": record(**ATTENTION, error="out of memory"),
    }[fault]
    return list(records.values())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("mask", "the mask differs"),
        ("perplexity", "the perplexity is 1 % higher here (0.0012 % allowed)"),
        ("tokenizer", "another tokenizer: 1a2b3c4d here, 77777777 there"),
        ("windows", "windows of 128 tokens here, 256 there"),
        ("offloaded", "layers offloaded here (cpu: 10 modules, cuda:0: 22 modules), not there"),
        ("verdict", "writes incoherent here, coherent there"),
        ("failed", "failed here: out of memory"),
    ],
)
def test_a_planted_fault_is_named_in_the_closing_sentence_and_exits_1(call, write_records, fault: str, said: str):
    total = len(embedded())
    done = call("compare", write_records("here", faulty(fault)), write_records("there", embedded()))
    assert done.code == 1
    assert done.out.splitlines()[-1] == (
        f"{total - 1} of {total} cells reproduce; story-mistral attention 50 %: {said}."
    )


def test_a_folder_compared_with_itself_reproduces_in_full(call, write_records):
    folder = write_records("study", embedded())
    done = call("compare", folder, folder)
    assert done.code == 0 and done.err == ""
    cells, told = len(embedded()), len(claims(embedded()))
    assert done.out.endswith(f"claims: {told} of {told} verdicts equal\n{cells} of {cells} cells reproduce.\n")
    assert "2 cores of a synthetic processor (cpu, 2 threads); float32; suite 0.1.0 at c0ffee000000" in done.out
    assert max(map(len, done.out.splitlines())) <= 160


def test_a_folder_of_studies_answers_to_a_single_study(call, write_records, tmp_path: Path):
    write_records("results/study", embedded())
    assert call("compare", tmp_path / "results", tmp_path / "results" / "study").code == 0


def test_only_differences_leaves_out_the_rows_that_reproduce(call, write_records):
    here, there = write_records("here", faulty("mask")), write_records("there", embedded())
    assert "mlp" in call("compare", here, there).out
    out = call("compare", here, there, "--only-differences").out
    assert "mlp" not in out and "the mask differs" in out
    assert "sparsity" not in call("compare", there, there, "--only-differences").out


def test_a_record_edited_by_hand_is_named_and_its_cell_does_not_reproduce(call, write_records):
    here, there = write_records("here", embedded()), write_records("there", embedded())
    path = here / f"{record(**ATTENTION).id}.json"
    path.write_text(path.read_text().replace('"value": 1.74', '"value": 1.73'))
    for mine, theirs, side in ((here, there, "here"), (there, here, "there")):
        done = call("compare", mine, theirs)
        assert done.code == 1 and f"{path} is damaged or was edited by hand" in done.err
        assert f"attention 50 %: the record {side} is damaged or was edited by hand." in done.out


def test_missing_cells_are_named_up_to_three_and_extra_ones_count_for_nothing(call, write_records):
    here, there = write_records("here", embedded()[5:]), write_records("there", embedded())
    done = call("compare", here, there)
    assert done.code == 1
    last = done.out.splitlines()[-1]
    assert (
        last.startswith(f"{len(embedded()) - 5} of {len(embedded())} cells reproduce; ")
        and last.count("missing here") == 3
    )
    assert last.endswith("; and 2 more.")
    more = call("compare", there, here)
    assert more.code == 0 and "counted for nothing: 5 cells here without a partner there" in more.out


def test_a_claim_that_comes_out_differently_exits_1(call, write_records):
    too_few = {"interval": None, "nll_per_window": (0.4,), "windows": 1}  # windows to tell anything by
    here = [altered(o, "perplexity", **too_few) if o.experiment.target == "attention" else o for o in embedded()]
    done = call("compare", write_records("here", here), write_records("there", embedded()))
    assert done.code == 1
    assert "  attention_over_mlp: cannot be told here, holds there\n" in done.out
    last = done.out.splitlines()[-1]
    assert last.startswith(f"{len(here)} of {len(here)} cells reproduce; the verdict differs on ")
    assert "attention_over_mlp" in last


def test_json_holds_the_whole_comparison(call, write_records):
    here, there = write_records("here", faulty("perplexity")), write_records("there", embedded())
    done = call("compare", here, there, "--json", "--only-differences")
    found = json.loads(done.out)
    assert done.code == 1 and found["schema"] == "lottery-comparison/1"
    assert len(found["cells"]) == len(embedded()) == found["reproduced"] + 1 and not found["reproduces"]
    (cell,) = [cell for cell in found["cells"] if not cell["reproduces"]]
    assert cell["difference"] == pytest.approx(0.01) and cell["allowed"] == pytest.approx(1.19e-5, rel=0.01)
    outcomes = {check["check"]: check["outcome"] for check in cell["checks"]}
    assert outcomes == {
        "status": "equal",
        "measurement": "equal",
        "mask": "equal",
        "perplexity": "differs",
        "verdict": "equal",
        "speed": "noted",
    }
    assert {claim["claim"]: claim["equal"] for claim in found["claims"]}["beats_random"] is True


def test_nothing_to_compare_is_an_error_and_never_a_success(call, write_records, tmp_path: Path):
    full, empty = write_records("full", embedded()[:3]), write_records("empty", [])
    spoilt = write_records("spoilt", embedded()[:1])
    for path in spoilt.glob("*.json"):
        path.write_text("{}")
    for arguments, message in (
        ((full, tmp_path / "nowhere"), "there is no results folder"),
        ((tmp_path / "nowhere", full), "there is no results folder"),
        ((full, empty), "holds no record to compare"),
        ((empty, empty), "holds no record to compare"),
        ((full, spoilt), "holds no record to compare, only 1 file that cannot be believed"),
    ):
        done = call("compare", *arguments)
        assert done.code == 2 and done.out == ""
        assert done.err.startswith("lottery: ") and message in done.err and done.err.count("\n") == 1


def test_the_results_that_ship_are_found_from_any_folder(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = "manifests/reference/embedded"
    done = call("compare", shipped, shipped, "--only-differences")
    assert done.code == 0 and "cells reproduce" in done.out


def test_a_training_is_named_by_its_place_in_the_search(call, write_records) -> None:
    there = [training("dense-longer"), training("ticket", level=3, loss=1.0)]
    here = [there[0], training("ticket", level=3, loss=1.5)]
    done = call("compare", write_records("here", here), write_records("there", there))
    assert done.code == 1 and "ticket, level 3" in done.out
    assert "1 of 2 cells reproduce; net-46k ticket level 3 51.2 % remaining seed 0: the perplexity is 65 %" in done.out


def test_losses_that_were_summed_otherwise_are_compared_and_it_is_said(call, write_records):
    def before(one: Record) -> Record:
        if one.perplexity is None:
            return one
        return altered(one, "perplexity", protocol=one.perplexity.protocol.model_copy(update={"softmax": "float32"}))

    here, there = write_records("here", embedded()), write_records("there", [before(one) for one in embedded()])
    done = call("compare", here, there)
    assert done.code == 0
    summed = sum(one.perplexity is not None for one in embedded())
    said = f"{summed} cells: losses summed in float64 here and in float32 there; the bias of float32 is allowed for"
    assert said in done.out.splitlines()
    assert "losses summed" not in call("compare", here, here).out
