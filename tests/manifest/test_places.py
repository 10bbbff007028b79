"""Where a model's file comes from, as a manifest says it: read whole, or refused with its place and one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import read_study, weights_files
from suite.package_index import PackageSource
from suite.weights import HubFileSource, WeightsFile

SHA = "ab" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = "package: p-1, version: 1.2.3, file: p/m.gguf"
HUB = f"repository: o/r, revision: {COMMIT}, file: sub/m.gguf"


def manifest(folder: Path, entry: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(f"title: a\nmodels:\n  - {{name: m, {entry}}}\ntext: stories\n")
    return path


@pytest.mark.parametrize(
    ("entry", "weights"),
    [
        (f"{PACKAGE}, sha256: {SHA.upper()}", WeightsFile(SHA, None, (PackageSource(("p-1",), "1.2.3", "p/m.gguf"),))),
        (
            f"package: [p1, p2], version: '1.0', file: '*/data/*.part*', sha256: {SHA}",
            WeightsFile(SHA, None, (PackageSource(("p1", "p2"), "1.0", "*/data/*.part*"),)),
        ),
        (HUB, WeightsFile(None, None, (HubFileSource("o/r", COMMIT, "sub/m.gguf"),))),
        (
            f"sources: [{{{HUB}}}, {{{PACKAGE}}}], sha256: {SHA}",
            WeightsFile(
                SHA, None, (HubFileSource("o/r", COMMIT, "sub/m.gguf"), PackageSource(("p-1",), "1.2.3", "p/m.gguf"))
            ),
        ),
    ],
)
def test_places_are_read(tmp_path: Path, entry: str, weights: WeightsFile) -> None:
    assert weights_files(manifest(tmp_path, entry)) == [("m", weights)]


def test_other_models_have_no_file_of_their_own(tmp_path: Path) -> None:
    assert weights_files(manifest(tmp_path, "path: somewhere")) == []
    assert weights_files(manifest(tmp_path, f"repository: o/r, revision: {COMMIT}")) == []


PACKAGED = f"version: 1.2.3, file: p/m.gguf, sha256: {SHA}"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (PACKAGE, "model 'm': `package` needs `sha256`, 64 hexadecimal digits"),
        (f"package: p, version: 1.2.3, sha256: {SHA}", "`package` needs `version` and `file`"),
        (f"package: p, file: m.gguf, sha256: {SHA}", "`package` needs `version` and `file`"),
        (f"package: --index-url=http://x, {PACKAGED}", ":3:24: package: .*match pattern"),
        (f"package: 'http://x/p.whl', {PACKAGED}", "package: .*match pattern"),
        (f"package: 'p[extra]', {PACKAGED}", "package: .*match pattern"),
        (f"package: 'p q', {PACKAGED}", "package: .*match pattern"),
        (f"package: [p, -r], {PACKAGED}", "package: .*match pattern"),
        (f"package: [p, p], {PACKAGED}", "a package is listed twice"),
        (f"package: [Foo_bar, foo-bar], {PACKAGED}", "a package is listed twice"),
        (f"package: [], {PACKAGED}", "package: "),
        (f"package: p, version: 1.10, file: m.gguf, sha256: {SHA}", ":3:36: version: YAML reads 1.1 as a number"),
        (f"package: p, version: '>=1', file: m.gguf, sha256: {SHA}", "version: .*match pattern"),
        (f"package: p, version: 1.2.3, file: /m.gguf, sha256: {SHA}", "'/m.gguf' leads out of it"),
        (f"package: p, version: 1.2.3, file: ../m.gguf, sha256: {SHA}", "'../m.gguf' leads out of it"),
        (f"package: p, version: 1.2.3, file: '*.gguf', sha256: {SHA}", "is a pattern, which is for parts in several"),
        (f"package: p, version: 1.2.3, file: m.bin, sha256: {SHA}", "names a GGUF file"),
        ("package: p, version: 1.2.3, file: m.gguf, sha256: abc", "sha256: .*match pattern"),
        (f"package: p, revision: main, {PACKAGED}", "needs repository and revision together"),
        (f"package: p, repository: o/r, revision: {COMMIT}, {PACKAGED}", "has both `repository` and `package`"),
        (f"path: x, {PACKAGE}, sha256: {SHA}", "has both `path` and `package`"),
        (f"sources: [{{{HUB}}}, {{{PACKAGE}}}]", "several sources need `sha256`"),
        (f"sources: [{{{PACKAGE}}}]", "`package` needs `sha256`"),
        (f"sources: [{{{HUB}, version: 1.2.3}}], sha256: {SHA}", "`version` does not go with `repository`"),
        (f"sources: [{{file: m.gguf}}], sha256: {SHA}", "a source has either `package` or `repository`"),
        (f"sources: [{{{HUB}, sha: 1}}], sha256: {SHA}", "unknown key 'sha'"),
        (f"sources: [], sha256: {SHA}", "sources: "),
        (f"sources: [{{{HUB}}}], file: m.gguf", "stand in each of its `sources`"),
        (f"sha256: {SHA}", "has `sha256`, which goes with `package`"),
        (f"repository: o/r, revision: {COMMIT}, sha256: {SHA}", "has `sha256`, which goes with"),
        (f"repository: o/r, revision: {COMMIT}, file: model.safetensors", "names a GGUF file"),
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_study(manifest(tmp_path, entry))
    assert str(caught.value).startswith(f"{tmp_path / 'study.yaml'}:3:")
