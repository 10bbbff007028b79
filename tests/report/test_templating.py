"""Promises of templates that stay compiled: what is printed is what the template says now, wherever it can be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.report import templating
from suite.report.medium import HTML, RML


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A folder of templates of its own in place of the suite's, and an empty one to keep what is compiled."""
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(templating, "TEMPLATES", tmp_path / "templates")
    templating._compiled.cache_clear()
    yield tmp_path
    templating._compiled.cache_clear()


def rendered(folder: Path, source: str, medium=RML) -> str:
    (folder / "templates" / "page.j2").write_text(source)
    return templating.render("page.j2", {}, folder / "templates", medium)


def test_a_template_is_compiled_once_and_again_when_it_changes(own, monkeypatch):
    assert rendered(own, "{{ 1 }}") == "1" and list(own.rglob("lottery-*"))
    with monkeypatch.context() as patch:
        patch.setattr("jinja2.Environment.compile", None)
        assert rendered(own, "{{ 1 }}") == "1"
    assert rendered(own, "{{ 2 }}") == "2"


def test_what_is_kept_serves_every_medium(own):
    source = "{{ '\\u05d0' }}"
    assert "bdi" not in rendered(own, source) and "<bdi>" in rendered(own, source, HTML)
    assert "bdi" not in rendered(own, source)


def test_where_nothing_can_be_kept_templates_print_all_the_same(own, monkeypatch):
    monkeypatch.setattr(
        "jinja2.FileSystemBytecodeCache._get_default_cache_dir", lambda self: (_ for _ in ()).throw(RuntimeError())
    )
    assert rendered(own, "{{ 1 }}") == "1" and not list(own.rglob("lottery-*"))
    monkeypatch.undo()


def test_a_full_disk_is_no_obstacle(own, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jinja2.bccache.tempfile.NamedTemporaryFile", full)
    assert rendered(own, "{{ 1 }}") == "1"
