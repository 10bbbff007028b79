"""Models and texts come from the hub at pinned revisions, over real HTTP; offline, from the cache alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.data.catalogue import WIKITEXT_COMMIT
from suite.records import read_records
from tests.hub.conftest import COMMIT, ROWS, Lottery, assert_refused
from tests.hub.loopback import Hub


def test_a_study_of_the_hub_runs_and_runs_again_offline(lottery: Lottery, hub: Hub, manifest: Path) -> None:
    done = lottery("run")
    assert done.returncode == 0, done.stderr
    records, _ = read_records([manifest.parent / "r"])
    for record in records:
        assert record.experiment.revision == COMMIT
        assert record.experiment.text.revision == WIKITEXT_COMMIT
        assert record.perplexity and record.perplexity.protocol.text_bytes == len("\n\n".join(ROWS).encode())
    asked = len(hub.requests)
    for path in (manifest.parent / "r" / "study").glob("*.json"):
        path.unlink()
    again = lottery("run", HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert len(hub.requests) == asked
    offline, _ = read_records([manifest.parent / "r"])
    assert [r.perplexity and r.perplexity.value for r in offline] == [
        r.perplexity and r.perplexity.value for r in records
    ]


@pytest.mark.parametrize(("command", "status"), [("run", 401), ("fetch", 401), ("fetch", 403)])
def test_a_gated_model_names_the_licence_page(lottery: Lottery, hub: Hub, command: str, status: int) -> None:
    hub.refused["someone/tiny"] = status
    assert_refused(lottery(command), "https://huggingface.co/someone/tiny", "HF_TOKEN")


def test_what_the_hub_does_not_have_is_told(lottery: Lottery, hub: Hub) -> None:
    commit, files = hub.repositories.pop(("models", "someone/tiny"))
    assert_refused(lottery("fetch"), "no repository someone/tiny")
    hub.add("models", "someone/tiny", commit[::-1], files)
    assert_refused(lottery("fetch"), f"the hub has no someone/tiny at revision {COMMIT}: check the revision")
    hub.add("models", "someone/tiny", commit, {k: v for k, v in files.items() if not k.endswith("safetensors")})
    assert_refused(lottery("fetch"), "no .safetensors file; pickles are refused")
    hub.add("models", "someone/tiny", commit, files)
    hub.unlisted.add("merges.txt")
    assert_refused(lottery("fetch"), "does not have merges.txt of someone/tiny", "404")


def test_a_branch_is_no_revision_and_the_commit_to_pin_is_told(lottery: Lottery, manifest: Path) -> None:
    manifest.write_text(manifest.read_text().replace(COMMIT, "main"))
    assert_refused(lottery("fetch"), "revision 'main' of someone/tiny is a name that can move", COMMIT)


def test_offline_with_an_empty_cache_says_what_to_do(lottery: Lottery, hub: Hub) -> None:
    for command in ("run", "fetch"):
        assert_refused(lottery(command, HF_HUB_OFFLINE="1"), "is not in the cache", "HF_HUB_OFFLINE", "`lottery fetch`")
    assert not hub.requests
