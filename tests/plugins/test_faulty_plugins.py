"""Whatever is wrong with a plug-in is told in one sentence that names its distribution, and the rest goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugins.packages import DECLARED, SCORES, called, manifest, package
from tests.synthetic import phase1


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("import no_such_library", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("", "cannot be imported: AttributeError: module 'lottery_bad' has no attribute 'MINE'"),
        ("MINE = 'magnitude'", "is to be a suite.pruning.criteria.Criterion, and is a str"),
        (DECLARED + "MINE = Criterion('lottery_bad:f', 'weights', ('tensor',))", "`wants` is one of nothing, seed"),
        (DECLARED + "MINE = Criterion('lottery_bad:f', 'nothing', ('all',))", "`counts` is a tuple of tensor, row"),
        (
            DECLARED + "MINE = Criterion(len, 'nothing', ('tensor',))",
            "`function` is written module:name, and is <b",
        ),
        (DECLARED + "MINE = Criterion('a:f', 'nothing', ('row',), decides='matrix')", "wants norms, moments or gram"),
        (DECLARED + "MINE = Criterion('a:f', 'nothing', ('row',), structures=True)", "`structures` is for criteria of"),
    ],
)
def test_what_is_no_criterion_is_refused_where_it_is_asked_for(
    tmp_path: Path, site: Path, module: str, said: str
) -> None:
    package(site, "lottery-bad", {"criteria": {"theirs": "MINE"}}, module)
    code, _, wrong = called(tmp_path, "plan", manifest(tmp_path), sites=[site])
    assert code == 2 and wrong.count("\n") == 1
    assert wrong.startswith(
        f"lottery: {tmp_path}/mine.yaml:6:28: plug-in lottery-bad 1.0: criterion 'theirs' (lottery_"
    )
    assert said in wrong and wrong.endswith("mend or uninstall lottery-bad\n")


def test_one_that_does_not_work_is_left_out_of_lists_with_a_word(tmp_path: Path, site: Path) -> None:
    package(site, "lottery-bad", {"criteria": {"theirs": "MINE"}}, "1 / 0")
    package(site, "lottery-good", {"criteria": {"ours": "MINE"}}, SCORES)
    code, said, wrong = called(tmp_path, "schema", sites=[site])
    assert code == 0 and '"ours"' in said and '"theirs"' not in said
    assert wrong.count("\n") == 1 and "plug-in lottery-bad 1.0" in wrong and "division by zero" in wrong
    code, _, wrong = called(tmp_path, "plan", manifest(tmp_path, "ours, magnitude"), sites=[site])
    assert code == 0 and not wrong


def test_a_name_of_the_suite_s_stays_the_suite_s(tmp_path: Path, site: Path) -> None:
    entries = {
        "criteria": {"magnitude": "MINE", "none": "MINE"},
        "texts": {"stories": "MINE"},
        "models": {"story-phi": "MINE"},
        "sections": {"cliff": "MINE"},
    }
    package(site, "lottery-bad", entries, "raise RuntimeError('it was imported')")
    code, said, wrong = called(tmp_path, "doctor", "--json", sites=[site])
    found = {one["found"]: one["state"] for one in json.loads(said)["findings"] if one["check"] == "plug-in"}
    names = ("criterion 'magnitude'", "criterion 'none'", "text 'stories'", "model 'story-phi'", "section 'cliff'")
    assert found == {
        f"plug-in lottery-bad 1.0: {name} is left out, as the suite has one of that name; rename it": "warn"
        for name in names
    }
    code, _, wrong = called(tmp_path, "schema", sites=[site])
    assert code == 0 and "plug-in lottery-bad 1.0: criterion 'magnitude' is left out" in wrong
    code, said, wrong = called(tmp_path, "plan", manifest(tmp_path, "magnitude", "stories"), sites=[site])
    assert code == 0 and "story-mistral-small blocks 50 %" in said and "it was imported" not in wrong
    assert "criterion 'magnitude'" in wrong and "text 'stories'" in wrong and "model 'story-phi'" not in wrong


def test_of_two_packages_with_one_name_neither_is_used(tmp_path: Path, site: Path) -> None:
    for name in ("lottery-one", "lottery-two"):
        package(site, name, {"criteria": {"theirs": "MINE"}}, "raise RuntimeError('it was imported')")
    code, _, wrong = called(tmp_path, "plan", manifest(tmp_path), sites=[site])
    assert code == 2 and "each adds a criterion 'theirs', so none is used; uninstall one of them" in wrong
    assert "lottery-one 1.0" in wrong and "lottery-two 1.0" in wrong and wrong.count("\n") == 1


def test_metadata_that_cannot_be_believed_is_one_package_s(tmp_path: Path, site: Path) -> None:
    package(site, "lottery-odd", {"criteria": {"else": "MINE"}}, version="1; rm")
    package(site, "lottery-good", {"criteria": {"ours": "MINE"}}, SCORES)
    code, said, wrong = called(tmp_path, "schema", sites=[site])
    assert code == 0 and '"ours"' in said and '"else"' not in said
    assert wrong.count("\n") == 1 and "'lottery-odd 1; rm' is no name and version of a package" in wrong


def test_a_module_is_imported_when_its_name_is_used_and_not_before(tmp_path: Path, site: Path) -> None:
    package(site, "lottery-slow", {"criteria": {"theirs": "MINE"}}, f"print('imported')\n{SCORES}")
    for criteria, imported in (("magnitude, random", False), ("theirs", True)):
        for command in (["--help"], ["plan", manifest(tmp_path, criteria)]):
            code, said, wrong = called(tmp_path, *command, sites=[site])
            assert code == 0 and ("imported" in said) is (imported and command[0] == "plan"), (command, wrong)


TEXT = "from pathlib import Path\nfrom suite.data.catalogue import KnownText\nHERE = Path(__file__)\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("KnownText('other', path=HERE)", "is wrong: its entry point and its `name` are the same word, and its name"),
        ("KnownText('theirs')", "is wrong: it is in one place: `path`, `hub` or `grammar`"),
        ("KnownText('theirs', path=HERE, bytes=3)", "is wrong: a text in a file has its `sha256`"),
        (
            f"KnownText('theirs', f'sha256:{64 * 'a'}', path=HERE, bytes=3, sha256={64 * 'a'!r})",
            "of plug-in lottery-bad 1.0: {site}/lottery_bad.py is not the text of 3 bytes with the SHA-256 aaaaaaaa",
        ),
    ],
)
def test_a_text_that_is_not_what_it_says_is_refused(tmp_path: Path, site: Path, text: str, said: str) -> None:
    package(site, "lottery-bad", {"texts": {"theirs": "MINE"}}, f"{TEXT}MINE = {text}\n")
    code, _, wrong = called(tmp_path, "run", manifest(tmp_path, "magnitude", "theirs"), sites=[site])
    assert code == 2 and "lottery-bad 1.0" in wrong and said.format(site=site) in wrong


def test_a_model_that_is_not_there_is_refused(tmp_path: Path, site: Path) -> None:
    module = "from pathlib import Path\nfrom suite.models.catalogue import FolderModel\n"
    module += "THERE = FolderModel('Theirs', Path('/no/such'))\nTEXT = FolderModel('Theirs', '/no/such')\n"
    package(site, "lottery-bad", {"models": {"theirs": "THERE", "text": "TEXT"}}, module)
    path = manifest(tmp_path, "magnitude")
    for name, said in (
        ("theirs", "there is no directory /no/such"),
        ("text", "`folder` is a pathlib.Path, and is '/no"),
    ):
        path.write_text(path.read_text(encoding="utf-8").replace("story-mistral-small", name), encoding="utf-8")
        code, _, wrong = called(tmp_path, "plan", path, sites=[site])
        assert code == 2 and said in wrong
        path = manifest(tmp_path, "magnitude")


def test_records_without_a_plug_in_are_written_as_before() -> None:
    written = json.loads(phase1()[0].sealed().to_json())
    assert "plugins" not in written["environment"] and written["seal"] == phase1()[0].sealed().seal
