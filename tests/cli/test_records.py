"""`lottery records`: every number in a table, as CSV or as JSON, chosen and ordered by its column."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.records.columns import COLUMNS
from tests.synthetic import embedded, record
from tests.trained import training


@pytest.fixture
def folder(write_records: Callable[..., Path]) -> Path:
    return write_records("study", embedded())


def rows(done) -> list[dict[str, str]]:
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_csv_is_one_line_a_record_in_full_precision_and_empty_where_nothing_was_measured(call, folder: Path) -> None:
    records = {record.id: record for record in embedded()}
    found = rows(call("records", folder, "--csv"))
    assert {row["id"] for row in found} == set(records)
    for row in found:
        record = records[row["id"]]
        assert list(row) == list(COLUMNS)
        if record.status == "failed":
            assert row["perplexity"] == row["decode_tokens_per_s"] == row["verdict"] == ""
            assert row["error"] == record.error
        else:
            assert float(row["perplexity"]) == record.perplexity.value
            speed, size = record.generation, record.size
            assert row["decode_tokens_per_s_q3"] == (str(speed.decode_tokens_per_s.quartiles[1]) if speed else "")
            assert row["compressed_bytes"] == (str(size.compressed_bytes) if size else "")
            assert row["power_w"] == ""  # a processor has no such instrument


def test_csv_keeps_text_with_commas_and_line_breaks_whole(call, write_records) -> None:
    error = 'out of memory, "again":\nsecond line'
    (row,) = rows(call("records", write_records("r", [record(error=error)]), "--csv"))
    assert row["error"] == error


def test_conditions_and_sorting_work_alike_in_the_table_in_csv_and_in_json(call, folder: Path) -> None:
    chosen = ("records", folder, "--where", "target=attention", "--where", "ratio<2", "--sort", "-ratio")
    ids = [row["id"] for row in rows(call(*chosen, "--csv"))]
    ratios = [row["perplexity"]["ratio_to_dense"] for row in json.loads(call(*chosen, "--json").out)["records"]]
    assert len(ids) == len(ratios) > 2 and ratios == sorted(ratios, reverse=True)
    assert [row["id"] for row in json.loads(call(*chosen, "--json").out)["records"]] == ids
    table = call(*chosen).out
    assert [line.split()[-1] for line in table.splitlines() if "attention" in line] == [one[:8] for one in ids]


def test_trainings_come_arm_by_arm_and_level_by_level_each_by_name(call, write_records) -> None:
    found = [training("ticket", level=n, loss=1.0) for n in (10, 9)] + [
        training("random", level=9),
        training("dense-longer"),
    ]
    table = call("records", write_records("r", found)).out
    names = ["dense-longer", "ticket, level 9", "ticket, level 10", "random, level 9"]
    places = [table.index(name) for name in names]
    assert places == sorted(places) and f"{math.e:.6g}" in table and table.count("seed 0") == 4


def test_nothing_chosen_is_said_in_one_line(call, folder: Path) -> None:
    done = call("records", folder, "--where", "ratio<0")
    assert (done.code, done.out) == (0, f"none of {len(embedded())} records matches ratio<0\n")
    assert json.loads(call("records", folder, "--where", "ratio<0", "--json").out)["records"] == []
    assert rows(call("records", folder, "--where", "ratio<0", "--csv")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--where", "rato<2"), "there is no column 'rato' (did you mean 'ratio'?); the columns are id, status,"),
        (("--sort", "-rato"), "there is no column 'rato' (did you mean 'ratio'?); the columns are id, status,"),
        (("--where", "ratio"), "a condition is COLUMN OP VALUE"),
        (("--where", "ratio<two"), "column 'ratio' holds a number, and 'two' is not one"),
        (("--json", "--csv"), "--json or as --csv, not both"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(call, folder: Path, arguments, message: str) -> None:
    done = call("records", folder, *arguments)
    assert done.code == 2 and done.out == ""
    assert done.err.startswith("lottery: ") and message in done.err and done.err.count("\n") == 1


def test_the_table_fits_and_shows_the_interval_and_the_divergence(call, folder: Path) -> None:
    table = call("records", folder).out
    assert max(map(len, table.splitlines())) <= 160
    assert "1.078 (1.06-1.09)" in table and "0.0821" in table


def test_many_damaged_files_are_told_in_a_few_lines(call, folder: Path) -> None:
    for path in list(folder.glob("*.json"))[:20]:
        path.write_text("{}")
    done = call("records", folder, "--json")
    assert len(json.loads(done.out)["records"]) == len(embedded()) - 20
    assert done.err.count("is damaged or was edited by hand") == 3 and "17 more files" in done.err
