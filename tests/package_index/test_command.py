"""`lottery fetch` knows models in packages as it knows the hub's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from suite.weights import HubFileSource, WeightsFile
from tests import processes
from tests.hub.conftest import Done, assert_refused, environment, launcher
from tests.hub.loopback import Hub, serve
from tests.package_index.conftest import CONTENT, PARTS, SHA256, WHOLE, of, settings
from tests.package_index.serving import Index

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
ON_HUB = HubFileSource("someone/gguf", COMMIT, "small/tiny-q4.gguf")
Call = Callable[..., Done]


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    files = {ON_HUB.file: CONTENT, "small/other.gguf": b"GGUF: not asked for", "readme.gguf": b"nor this"}
    hub.add("models", ON_HUB.repository, COMMIT, files)
    with serve(hub):
        yield hub


@pytest.fixture
def call(index: Index, hub: Hub, tmp_path: Path) -> Call:
    """A function that calls `lottery COMMAND` with a study of a catalogue's model that is this file."""
    (tmp_path / "study.yaml").write_text(
        "title: a\nmodels: smollm2-135m-instruct\ntext: stories\nexperiments: [{target: mlp, sparsity: 0.5}]\n"
    )

    def call(command: str, weights: WeightsFile, before: str = "", **more: str) -> Done:
        script = launcher()
        script[-1] = (
            "import dataclasses, suite.needs, suite.models.catalogue as c\n"
            "from suite.weights import HubFileSource, WeightsFile\n"
            "from suite.package_index import PackageSource\n"
            "name = 'smollm2-135m-instruct'\n"
            "import suite.cli.converting as converting\n"
            "converting.convert_models = lambda *_: []\n"  # there is a model in no such file
            f"c.MODELS[name] = dataclasses.replace(c.MODELS[name], weights={weights!r})\n{before}\n{script[-1]}"
        )
        return processes.run(
            [*script, command, str(tmp_path / "study.yaml")],
            env=environment(hub, tmp_path, **settings(index), **more),
        )

    return call


def test_fetch_says_what_came_from_where_and_its_licence_and_offline_nothing_is_asked(call: Call, index: Index) -> None:
    refused = call("fetch", of(WHOLE), HF_HUB_OFFLINE="1")
    assert_refused(refused, "tiny-model 0.1.2 is not in the cache", "HF_HUB_OFFLINE")
    first = call("fetch", of(WHOLE))
    assert first.returncode == 0, first.stderr
    assert "smollm2-135m-instruct: 300 kB fetched in " in first.stdout or "301 kB" in first.stdout
    assert ", SHA-256 as pinned (tiny-model 0.1.2); licence Apache-2.0\n" in first.stdout
    asked = index.requests
    again = call("fetch", of(WHOLE), HF_HUB_OFFLINE="1")
    assert "300 kB there already, SHA-256 as pinned; licence Apache-2.0" in again.stdout and index.requests == asked


def test_one_file_of_the_hub_comes_alone_and_stays_in_the_hubs_cache(
    call: Call, hub: Hub, index: Index, tmp_path: Path
) -> None:
    unknown = WeightsFile(None, None, (ON_HUB,))
    script = f"from suite.weights.obtain import stated\nprint(stated({unknown!r}))"
    done = call("fetch", of(ON_HUB, WHOLE), script)
    assert done.returncode == 0, done.stderr
    assert f"sha256='{SHA256}', bytes={len(CONTENT)}" in done.stdout  # by the hub's word
    assert f"SHA-256 as pinned (someone/gguf at {COMMIT[:12]})" in done.stdout
    assert set(hub.sent) == {ON_HUB.file}
    assert not (tmp_path / "cache" / "lottery").exists()
    for offline in ("0", "1"):
        again = call("fetch", of(WHOLE, ON_HUB), HF_HUB_OFFLINE=offline)  # what is in the hub's cache goes first
        assert "300 kB there already" in again.stdout and hub.sent[ON_HUB.file] == len(CONTENT)
    assert not index.requests


def test_a_hub_that_has_another_file_is_told_before_it_comes_and_the_packages_serve(call: Call, hub: Hub) -> None:
    hub.repositories["models", ON_HUB.repository][1][ON_HUB.file] = b"GGUF, but another"
    done = call("fetch", of(ON_HUB, PARTS))
    assert done.returncode == 0, done.stderr
    assert "is another file: SHA-256" in done.stdout and f"as pinned ({PARTS.place})" in done.stdout
    assert not hub.sent[ON_HUB.file]


def test_when_neither_answers_both_are_named(call: Call, index: Index, hub: Hub) -> None:
    index.projects.clear()
    hub.repositories.clear()
    refused = call("fetch", of(ON_HUB, WHOLE))
    assert_refused(refused, "the hub has no repository someone/gguf", "the package index has no tiny-model 0.1.2")


def test_two_at_once_share_the_work(call: Call, index: Index) -> None:
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(call, "fetch", of(PARTS)) for _ in range(2)]
    assert [one.result().returncode for one in both] == [0, 0]
    assert sorted(index.sent.values()) == [1, 1]
