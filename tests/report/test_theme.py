"""A team's theme is laid over the suite's own, and says what is wrong with it in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import InputError
from suite.report.fonts import font_files
from suite.report.theme import theme, use


@pytest.fixture
def own(tmp_path: Path):
    def print_with(content: str) -> None:
        (tmp_path / "team.yaml").write_text(content, encoding="utf-8")
        use(tmp_path / "team.yaml")

    yield print_with
    use(None)


def test_a_theme_says_only_what_differs(own):
    before = theme()
    own("title: Ours\nteam: {authors: [A, B], event: Fair}\ncolours: {accent: '#112233'}\nsizes: {poster: {body: 40}}")
    now = theme()
    assert now.title == "Ours" and now.colours == before.colours | {"accent": "#112233"}
    assert now.team.byline == (before.team.name, "A, B", "Fair") and now.series == before.series
    assert now.sizes.poster == before.sizes.poster.model_copy(update={"body": 40})


def test_paths_start_at_the_theme_and_a_font_replaces_a_face(own, tmp_path: Path):
    (tmp_path / "mine.ttf").write_bytes(font_files()["Wide"].read_bytes())
    own("fonts: {Sans: mine.ttf}\nteam: {logo: logo.svg}")
    assert font_files()["Sans"] == tmp_path / "mine.ttf" and theme().team.logo == tmp_path / "logo.svg"
    use(None)
    assert font_files()["Sans"] != tmp_path / "mine.ttf"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("colours: {accent: blue}", r"team.yaml:1:19: accent: .*pattern"),
        ("colors: {}", r"team.yaml:1:1: unknown key 'colors'; did you mean 'colours'"),
        ("team: {url: example.org}", r"team.yaml:1:13: url: .*pattern"),
        ("sizes: {poster: {body: 12}}", r"team.yaml:1:24: body: .*24"),
        ("fonts: {Comic: x.ttf}", r"there is no face 'Comic'"),
        ("fonts: {Sans: nowhere.ttf}", r"nowhere.ttf is none"),
        ("- a\n- b", r"a theme is a list of `key: value` pairs"),
    ],
)
def test_a_fault_is_told_with_its_place(own, content, said):
    with pytest.raises(InputError, match=said):
        own(content)


def test_a_theme_that_is_not_there_is_told():
    with pytest.raises(InputError, match="cannot read nowhere.yaml"):
        use(Path("nowhere.yaml"))
    use(None)
