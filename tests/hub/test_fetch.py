"""`lottery fetch`: everything comes, checked, once; it goes on where it was cut; then no network is needed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from suite.records import read_records
from tests import processes
from tests.hub.conftest import COMMIT, TEST_FILE, Lottery, assert_refused, environment, launcher
from tests.hub.loopback import Hub, checksum

WEIGHTS = "model.safetensors"
TOKEN = "hf_secretsecretsecretsecretsecret42"


def weights(hub: Hub) -> bytes:
    return hub.repositories["models", "someone/tiny"][1][WEIGHTS]


def cached(manifest: Path, name: str = WEIGHTS) -> Path:
    return manifest.parent / "cache" / "hub" / "models--someone--tiny" / "snapshots" / COMMIT / name


def test_what_was_fetched_runs_offline_and_a_second_fetch_brings_nothing(
    lottery: Lottery, hub: Hub, manifest: Path
) -> None:
    first = lottery("fetch")
    assert first.returncode == 0, first.stderr
    assert "tiny: " in first.stdout and "every checksum is the hub's (someone/tiny at 0123456789ab)" in first.stdout
    assert first.stdout.endswith(
        f"fetched; no network is needed any more, and this keeps it out:\nexport HF_HOME={manifest.parent / 'cache'}\n"
        "export HF_HUB_OFFLINE=1\n"
    )
    assert not any("README" in one.line for one in hub.requests)  # nothing that was not asked for
    sent = hub.sent.copy()
    again = lottery("fetch")
    assert again.returncode == 0 and hub.sent == sent
    assert "there already; every checksum is the hub's" in again.stdout and "\n0 bytes fetched" in again.stdout

    asked = len(hub.requests)
    assert lottery("plan", HF_HUB_OFFLINE="1").returncode == 0
    done = lottery("run", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert len(hub.requests) == asked
    assert {record.status for record in read_records([manifest.parent / "r"])[0]} == {"done"}


def test_a_cut_connection_goes_on_where_it_was(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    size = len(weights(hub))
    hub.cut[WEIGHTS] = size // 2
    assert lottery("fetch").returncode == 0
    assert cached(manifest).read_bytes() == weights(hub)
    ranges = [one.range for one in hub.downloads(WEIGHTS) if one.storage]
    assert ranges[0] == "" and len(ranges) == 2
    began = int(ranges[1].removeprefix("bytes=").rstrip("-"))
    assert size // 2 - 1000 <= began <= size // 2  # but for what was on its way
    assert hub.sent[WEIGHTS] <= size + 1000


def test_a_fetch_that_gave_up_goes_on_where_it_was(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    size = len(weights(hub))
    hub.cut[WEIGHTS] = size // 2
    hub.failing_later[WEIGHTS] = 503
    part = cached(manifest).parents[2] / "blobs" / f"{checksum(WEIGHTS, weights(hub))}.lottery.incomplete"
    failed = lottery("fetch")
    assert_refused(failed, "the hub answered 503", "what has come is kept")
    there = part.stat().st_size
    assert there >= size // 2 - 1000 and not cached(manifest).exists()
    hub.failing_later.clear()
    hub.requests.clear()
    done = lottery("fetch")
    assert done.returncode == 0 and "there already" in done.stdout
    assert [one.range for one in hub.downloads(WEIGHTS) if one.storage] == [f"bytes={there}-"]
    assert cached(manifest).read_bytes() == weights(hub) and not part.exists()


def test_a_connection_that_falls_silent_is_given_up_and_goes_on(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    hub.stalls[WEIGHTS] = len(weights(hub)) // 2
    assert lottery("fetch", HF_HUB_DOWNLOAD_TIMEOUT="1").returncode == 0
    first, second = [one.range for one in hub.downloads(WEIGHTS) if one.storage]
    assert first == "" and second.startswith("bytes=") and cached(manifest).read_bytes() == weights(hub)


def test_ctrl_c_keeps_what_came(hub: Hub, manifest: Path) -> None:
    hub.stalls[WEIGHTS] = len(weights(hub)) // 2
    settings = environment(hub, manifest.parent)
    blobs = cached(manifest).parents[2] / "blobs"
    with subprocess.Popen([*launcher(), "fetch", str(manifest)], env=settings, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not any(p.stat().st_size for p in blobs.glob(f"{checksum(WEIGHTS, weights(hub))}.*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.decode().endswith("lottery: interrupted\n")
    (part,) = blobs.glob("*.lottery.incomplete")
    assert part.stat().st_size >= len(weights(hub)) // 2 - 1000


def test_a_wrong_checksum_is_fetched_once_again_and_never_kept(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    hub.damaged[WEIGHTS] = 1
    done = lottery("fetch")
    assert done.returncode == 0 and "model.safetensors came damaged (its SHA-256" in done.stdout
    assert cached(manifest).read_bytes() == weights(hub)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])  # one of LFS, one of git
def test_a_checksum_that_is_wrong_twice_names_the_file(lottery: Lottery, hub: Hub, manifest: Path, name: str) -> None:
    hub.damaged[name] = -1
    for command in ("fetch", "run"):
        assert_refused(lottery(command), f"{name} of someone/tiny at revision {COMMIT} came damaged twice")
    assert len([one for one in hub.downloads(name) if one.storage == (name == WEIGHTS)]) == 4
    right = hub.repositories["models", "someone/tiny"][1][name]
    assert not [path for path in manifest.parent.rglob(f"{checksum(name, right)}*") if path.suffix != ".lock"]
    assert not cached(manifest, name).exists()


def test_a_file_damaged_in_the_cache_is_fetched_again_and_never_run(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    lottery("fetch")
    right = weights(hub)
    cached(manifest).resolve().write_bytes(right[:-3])  # truncated
    refused = lottery("run", HF_HUB_OFFLINE="1")
    assert_refused(refused, "model.safetensors of someone/tiny", "is damaged in the cache")
    done = lottery("fetch")
    assert done.returncode == 0 and "is damaged in the cache" in done.stdout
    assert cached(manifest).read_bytes() == right
    cached(manifest).resolve().write_bytes(right[:-1] + b"x")  # one other byte
    assert lottery("run").returncode == 0  # online, it mends the file by itself
    assert cached(manifest).read_bytes() == right


def test_a_busy_hub_is_asked_again_and_one_that_stays_busy_is_told(lottery: Lottery, hub: Hub) -> None:
    hub.failing[WEIGHTS] = (502, 2)
    done = lottery("fetch")
    assert done.returncode == 0 and done.stdout.count("the hub answered 502 Bad Gateway; trying again in") == 2
    hub.failing[TEST_FILE] = (500, -1)
    hub.repositories["datasets", "Salesforce/wikitext"][1][TEST_FILE] += b" "  # another file
    hub.refused["someone/tiny"] = 503
    done = lottery("fetch")
    assert_refused(done, "wikitext-2: the hub did not give", "the hub answered 500 Internal Server Error; try the same")
    model, _ = done.stderr.splitlines()
    assert model.startswith(f"lottery: tiny: the hub did not give someone/tiny at revision {COMMIT}")
    assert "the hub answered 503 Service Unavailable" in model


def test_a_text_that_is_not_the_published_one_is_refused(lottery: Lottery) -> None:
    assert_refused(lottery("fetch", rows=["another"]), "text 'wikitext-2': the rows of", "SHA-256")


def test_one_model_that_cannot_be_had_does_not_keep_the_rest_from_coming(
    lottery: Lottery, hub: Hub, manifest: Path
) -> None:
    lottery("fetch")
    hub.refused["someone/tiny"] = 403
    again = lottery("fetch")
    assert_refused(again, "tiny: someone/tiny is gated")
    assert "wikitext-2: " in again.stdout


def test_a_token_opens_and_is_never_shown_nor_kept(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    secrets = {"HF_TOKEN": TOKEN, "HF_DEBUG": ""}
    outputs = [lottery("fetch", **secrets), lottery("run", **secrets)]
    assert [done.returncode for done in outputs] == [0, 0]
    assert {one.authorization for one in hub.requests if "resolve" in one.line and not one.storage} == {
        f"Bearer {TOKEN}"
    }
    assert {one.authorization for one in hub.requests if one.storage} == {""}  # not to another host
    hub.refused["someone/tiny"] = 403
    outputs.append(lottery("fetch", **secrets))
    hub.refused["someone/tiny"] = 500
    outputs.append(lottery("fetch", **secrets))
    assert not any(TOKEN in done.stdout + done.stderr for done in outputs)
    kept = [path for path in manifest.parent.rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" and path.parent.name == "study" for path in kept)
    assert not any(TOKEN.encode() in path.read_bytes() for path in kept)


def test_a_full_disk_is_one_sentence_before_anything_comes(hub: Hub, manifest: Path) -> None:
    command = launcher()
    command[-1] = "import suite.room as room; room.free_bytes = lambda folder: 5000\n" + command[-1]
    done = processes.run([*command, "fetch", str(manifest)], env=environment(hub, manifest.parent))
    assert_refused(done, " to fetch, and the disk of", "has 5 kB free", "HF_HOME")
    assert not hub.sent[WEIGHTS]


def test_what_needs_no_network_says_so(lottery: Lottery, hub: Hub, manifest: Path, mistral: Path) -> None:
    manifest.write_text(
        f"title: a\nmodels: [story-phi, {{name: mine, path: {mistral}}}]\ntext: stories\n"
        "experiments: [{target: mlp, sparsity: 0.5}]\n"
    )
    done = lottery("fetch")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "story-phi: ships with the suite, nothing to fetch",
        f"mine: is the directory {mistral}, nothing to fetch",
        "stories: ships with the suite, nothing to fetch",
        "nothing is needed of the network",
    ]
    assert not hub.requests


def test_a_cache_that_does_not_remember_what_the_hub_stated_is_checked_by_the_names_it_has(
    lottery: Lottery, hub: Hub, manifest: Path
) -> None:
    """As older versions of the hub's client have filled it."""
    lottery("fetch")
    for folder in manifest.parent.glob("cache/hub/*/trees"):
        shutil.rmtree(folder)
    asked = len(hub.requests)
    assert lottery("doctor", HF_HUB_OFFLINE="1").returncode == 0
    assert lottery("doctor", HF_ENDPOINT="http://127.0.0.1:9").returncode == 0  # nobody is there
    assert lottery("run", HF_ENDPOINT="http://127.0.0.1:9").returncode == 0
    assert len(hub.requests) == asked
    shutil.rmtree(manifest.parent / "r")
    cached(manifest).resolve().write_bytes(weights(hub)[:-1] + b"x")
    assert_refused(lottery("run", HF_HUB_OFFLINE="1"), "model.safetensors of someone/tiny", "is damaged in the cache")


def test_a_file_that_is_missing_in_the_cache_is_told_offline(lottery: Lottery, manifest: Path) -> None:
    lottery("fetch")
    cached(manifest).resolve().unlink()
    cached(manifest).unlink()
    for command in ("run", "fetch"):
        refused = lottery(command, HF_HUB_OFFLINE="1")
        assert_refused(refused, "is not in the cache", "it lacks model.safetensors", "`lottery fetch`")


def test_doctor_says_what_is_in_the_cache_and_what_can_be_had(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    def found(**more: str) -> tuple[int, str]:
        done = lottery("doctor", **more)
        assert done.stderr == "" or done.returncode == 2
        return done.returncode, done.stdout

    code, before = found()
    assert (
        code == 0 and "to be fetched, the hub answers" in before and "warn  hub           tiny, wikitext-2: " in before
    )
    assert not hub.sent[WEIGHTS]  # it only looks
    assert found(HF_HUB_OFFLINE="1")[0] == 1
    lottery("fetch")
    asked = len(hub.requests)
    for offline in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, {}):
        code, after = found(**offline)
        assert code == 0 and "ok    hub           tiny, wikitext-2: in the cache" in after
    assert len(hub.requests) == asked
    cached(manifest).resolve().write_bytes(b"short")
    code, damaged = found(HF_HUB_OFFLINE="1")
    assert code == 1 and "tiny: not complete in the cache, and HF_HUB_OFFLINE is set" in damaged
    code, damaged = found(HF_ENDPOINT="http://127.0.0.1:9")
    assert code == 1 and "tiny: not complete in the cache, and the hub cannot be reached" in damaged


def test_two_at_once_share_the_work(hub: Hub, manifest: Path) -> None:
    settings = environment(hub, manifest.parent)
    command = [*launcher(), "fetch", str(manifest)]
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(processes.run, command, env=settings) for _ in range(2)]
    assert [one.result().returncode for one in both] == [0, 0]
    assert hub.sent[WEIGHTS] == len(weights(hub)) and cached(manifest).read_bytes() == weights(hub)
