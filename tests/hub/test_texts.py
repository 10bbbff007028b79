"""Texts at the command line: C4 from the hub, a known text from a file, and the folders of --data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from suite.data import grammar
from suite.data.catalogue import C4, C4_COMMIT
from suite.records import read_records
from tests import processes
from tests.hub.conftest import ROWS, TEST_FILE, Done, Lottery, assert_refused, environment, file_of, launcher
from tests.hub.loopback import Hub

STORIES = [grammar.join(grammar.write(9, index)[: 40 + 10 * (index % 5)]) for index in range(60)]


def shard(stories: list[str]) -> bytes:
    return gzip.compress("".join(json.dumps({"text": story}) + "\n" for story in stories).encode(), mtime=0)


@pytest.fixture
def c4(hub: Hub, manifest: Path) -> Hub:
    files = {
        file_of("c4"): shard(STORIES[:30]),
        file_of("c4-training"): shard(STORIES[30:]),
        "en/another.json.gz": b"x",
    }
    hub.add("datasets", C4, C4_COMMIT, files)
    manifest.write_text(
        manifest.read_text().replace("wikitext-2", "c4").replace("context: 64", "context: 32").split("experiments")[0]
        + "experiments:\n"
        "  - {criterion: wanda, target: mlp, sparsity: 0.5, calibration: {samples: 4}}\n"
        "  - {target: mlp, sparsity: 0.5, recovery: {tokens: 256, batch: 2}}\n"
    )
    return hub


def called(hub: Hub, manifest: Path, *arguments: object, **more: str) -> Done:
    """`lottery ARGUMENTS` beside the hub, without a listed folder unless told."""
    settings = {"LOTTERY_DATA": "", **more}
    command = [*launcher(), *map(str, arguments)]
    return processes.run(command, env=environment(hub, manifest.parent, **settings))


def test_c4_is_fetched_without_its_thousand_other_files_and_runs_offline(
    lottery: Lottery, c4: Hub, manifest: Path
) -> None:
    done = lottery("fetch")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("c4: ")]
    assert line.endswith(f"every checksum is the hub's (allenai/c4 at {C4_COMMIT[:12]}); licence ODC-By")
    assert "c4-training: " in done.stdout
    assert not [one.line for one in c4.requests if "api/datasets" in one.line or "another" in one.line]
    asked = len(c4.requests)
    done = lottery("run", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    records, _ = read_records([manifest.parent / "r"])
    assert len(records) == 4 and {record.status for record in records} == {"done"}
    for record in records:
        assert record.experiment.text.model_dump() == {"name": "c4", "revision": C4_COMMIT, "join": " "}
        assert record.perplexity and record.perplexity.protocol.text_bytes == len(" ".join(STORIES[:30]).encode())
    assert lottery("run").returncode == 0 and lottery("doctor", HF_HUB_OFFLINE="1").returncode == 0
    assert len(c4.requests) == asked


def test_a_damaged_text_is_fetched_again(lottery: Lottery, c4: Hub, manifest: Path) -> None:
    lottery("fetch")
    (path,) = (manifest.parent / "cache").glob(f"hub/datasets--*/snapshots/*/{file_of('c4')}")
    whole = path.read_bytes()
    path.resolve().write_bytes(whole[:-5])
    assert_refused(lottery("run", HF_HUB_OFFLINE="1"), "c4-validation", "is damaged in the cache")
    done = lottery("fetch")
    assert done.returncode == 0 and "is damaged in the cache" in done.stdout and path.read_bytes() == whole
    path.resolve().write_bytes(whole[:-5])
    assert lottery("run").returncode == 0 and path.read_bytes() == whole


def test_offline_without_c4_one_is_told_what_is_missing(lottery: Lottery, c4: Hub) -> None:
    lottery("fetch")
    c4.repositories.pop(("datasets", C4))
    assert lottery("run").returncode == 0  # what is there needs no hub
    assert_refused(lottery("fetch"), ": the hub has no repository allenai/c4")


@pytest.mark.parametrize("place", ["text: c4-training", "ticket"])
def test_documents_to_draw_from_are_refused_where_a_whole_text_is_meant(hub: Hub, manifest: Path, place: str) -> None:
    head = manifest.read_text().split("text:")[0]
    body = "text: c4\nticket: {steps: 10, learning_rate: 0.01}\n" if place == "ticket" else f"{place}\n"
    manifest.write_text(f"{head}context: 64\n{body}")
    assert_refused(called(hub, manifest, "plan", manifest), "study.yaml:", "'c4-training' is documents to draw from")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / ".my texts"  # hidden from the tests that search the folder of all tests
    folder.mkdir()
    (folder / "rows.json").write_text(json.dumps(ROWS))
    return folder


def test_a_text_that_a_folder_of_data_holds_needs_no_hub(hub: Hub, manifest: Path, texts: Path) -> None:
    manifest.write_text(manifest.read_text().replace("mlp", "blocks"))
    alone = called(hub, manifest, "fetch", manifest)
    assert alone.returncode == 0 and "wikitext-2: " in alone.stdout
    assert called(hub, manifest, "run", manifest).returncode == 0
    published, _ = read_records([manifest.parent / "r"])
    for path in (manifest.parent / "r" / "study").glob("*.json"):
        path.unlink()
    hub.repositories.pop(("datasets", "Salesforce/wikitext"))
    for folder in manifest.parent.glob("cache/hub/datasets--*"):
        folder.rename(manifest.parent / "gone")

    refused = called(hub, manifest, "run", manifest)
    assert_refused(refused, "no repository Salesforce/wikitext", "; or put a file of it (JSON rows or plain text;")
    found = called(hub, manifest, "fetch", manifest, "--data", texts)
    assert found.returncode == 0, found.stderr
    assert f"wikitext-2: is the file {texts / 'rows.json'}, nothing to fetch; licence CC BY-SA 3.0" in found.stdout
    doctor = called(hub, manifest, "doctor", manifest, "--data", texts, HF_HUB_OFFLINE="1")
    assert doctor.returncode == 0 and "wikitext-2" not in doctor.stdout
    done = called(hub, manifest, manifest, "--data", texts, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    again, _ = read_records([manifest.parent / "r"])
    assert [(r.id, r.perplexity and r.perplexity.value) for r in again] == [
        (r.id, r.perplexity and r.perplexity.value) for r in published
    ]
    assert not [one.line for one in hub.requests if TEST_FILE in one.line and one.storage][1:]


def test_doctor_and_fetch_say_what_no_hub_gives(hub: Hub, manifest: Path, texts: Path) -> None:
    manifest.write_text(manifest.read_text().replace("wikitext-2", "c4-sample"))
    assert called(hub, manifest, "plan", manifest).returncode == 0
    words = "(1,000 documents of C4, sample_c4-rp1.jsonl of", "2,202,105 bytes", "SHA-256 4f9e1a19d11b", "--data DIR"
    for command in ("fetch", "run"):
        assert_refused(called(hub, manifest, command, manifest), "text 'c4-sample'", *words)
    doctor = called(hub, manifest, "doctor", manifest)
    assert doctor.returncode == 1 and "fail  text" in doctor.stdout and all(word in doctor.stdout for word in words)
    manifest.write_text(manifest.read_text().replace("c4-sample", "wikitext-2"))
    (texts / "copy.txt").write_text("\n\n".join(ROWS))
    for command in ("fetch", "run"):
        assert_refused(called(hub, manifest, command, manifest, "--data", texts), "is held by two files", "copy.txt")
    assert "is held by two files" in called(hub, manifest, "doctor", manifest, "--data", texts).stdout


def test_a_manifest_may_name_what_lies_in_a_folder_of_data(
    hub: Hub, tmp_path_factory: pytest.TempPathFactory, mistral: Path, texts: Path
) -> None:
    study = tmp_path_factory.mktemp("elsewhere") / "study.yaml"
    study.write_text(
        f"title: a\nmodels: [{{name: mine, path: {mistral}}}]\ntext: {{name: notes, path: '{texts}/rows.json'}}\n"
        "context: 64\nexperiments: [{target: mlp, sparsity: 0.5}]\n"
    )
    assert_refused(called(hub, study, "plan", study), "leads to", f"--data {mistral.parent}, or: export LOTTERY_DATA=")
    assert_refused(called(hub, study, "plan", study, "--data", mistral), "leads to", str(texts))
    for command in ("plan", "doctor", "fetch", "run"):
        done = called(hub, study, command, study, "--data", mistral, "--data", texts)
        assert done.returncode == 0, done.stderr
    export = called(hub, study, "export", study, "--data", mistral, "--data", texts)
    assert_refused(export, "which of these?")
    script = called(hub, study, "submit", study, "--dry-run", "--results", study.parent / "new",
                    "--data", mistral, "--data", texts, LOTTERY_DATA="/usr")  # fmt: skip
    assert script.returncode == 0, script.stderr
    assert f"export LOTTERY_DATA='{mistral}:{texts}:/usr'" in script.stdout


def test_a_folder_of_data_that_is_not_there_is_told(hub: Hub, manifest: Path) -> None:
    for command in ("run", "plan", "fetch", "doctor", "submit", "export"):
        refused = called(hub, manifest, command, manifest, "--data", manifest.parent / "nowhere")
        assert_refused(refused, "--data", "nowhere: no folder is there")
    assert_refused(called(hub, manifest, "cliff", "story-phi", "--data", manifest), "study.yaml: no folder is there")
    colon = manifest.parent / "a:b"
    colon.mkdir()
    assert_refused(called(hub, manifest, "plan", manifest, "--data", colon), "':' separates the folders")
