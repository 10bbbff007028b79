"""Every command on a page is one: `lottery`'s options, `make`'s targets, and the files that are named."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from suite import declared
from suite.cli import COMMANDS, cli
from suite.manifest.schema import Manifest
from tests.docs.pages import FOLLOWED, OUTSIDE, PAGES, ROOT, blocks, spans, typed

# What stands before the arguments of `lottery`: the program, an image that runs it, or a batch script that does.
LOTTERY = re.compile(
    r"^(?:\w+=\S+ )*(?:(?:\S*/)?lottery|(?:apptainer|singularity) run(?: --nv)? lottery\.sif"
    r"|sbatch (?:-\S+ )*(?:-p \S+ )?(?:--\S+ )*container/rosie\.sbatch|docker run .* lottery) (?P<arguments>.+)$"
)
MAKEFILES = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "container/rules.mk"))
FOLDERS = ("suite", "ci", "docs", "templates", "manifests", "tests", "container")


def understood(arguments: list[str], whole: bool = True) -> None:
    """Raise click's own error where `lottery` would not take these; `whole`: all that is required is there."""
    context = click.Context(cli, info_name="lottery")
    if arguments[0].startswith("-"):
        cli.make_parser(context).parse_args(list(arguments))
        return
    name, command, rest = cli.resolve_command(context, list(arguments))
    assert command is not None
    context = click.Context(command, info_name=name, parent=context)
    given, left, _ = command.make_parser(context).parse_args(list(rest))
    if left:
        raise click.UsageError(f"unexpected argument {left[0]!r}")
    for parameter in command.get_params(context):
        value = given.get(parameter.name)
        if whole and parameter.required and parameter.value_is_missing(value):
            raise click.MissingParameter(param=parameter)
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)


COMMAND_LINES = [
    pytest.param(found["arguments"], id=f"{place} {found['arguments']}")
    for page in PAGES
    for place, line in typed(page)
    if (found := LOTTERY.match(line))
]


@pytest.mark.parametrize("arguments", COMMAND_LINES)
def test_a_command_on_a_page_is_one_that_lottery_takes(arguments: str) -> None:
    understood(shlex.split(re.split(r" [|>] ", arguments)[0]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_in_a_sentence_is_one_of_lottery_s(page: Path) -> None:
    for span in spans(page):
        if span.startswith("lottery ") and span.isascii():
            words = span.split()[1:]
            if words[0] in COMMANDS or words[0].startswith("-"):
                understood(words, whole=False)
            else:
                assert re.fullmatch(r"MANIFEST|\S+\.yaml", words[0]), f"{page.name}: `{span}`"


def test_most_pages_have_commands_and_all_kinds_of_them_are_found() -> None:
    """So that no change to the pages' form makes the tests above pass of nothing."""
    lines = [line for page in PAGES for _, line in typed(page) if LOTTERY.match(line)]
    for beginning in (".venv/bin/lottery", "apptainer", "singularity", "sbatch", "docker", "HF_HOME="):
        assert any(line.startswith(beginning) for line in lines), beginning
    assert {LOTTERY.match(line)["arguments"].split()[0] for line in lines} >= {"run", "plan", "submit", "compare"}  # type: ignore[index]
    assert len(lines) > 50


@pytest.mark.parametrize("wrong", ["plan --all", "rub x.yaml", "compare one", "plan --json", "page --formt a4 results"])
def test_what_lottery_would_not_take_is_found(wrong: str) -> None:
    with pytest.raises(click.UsageError):
        understood(shlex.split(wrong))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_target_of_make_exists_and_so_does_its_variable(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILES, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+)\s*\?=", MAKEFILES, re.MULTILINE))
    for line in [*(line for _, line in typed(page)), *spans(page)]:
        if line.startswith("make "):
            words = line.split()[1:]
            assert {word for word in words if "=" not in word} <= targets, line
            assert {word.partition("=")[0] for word in words if "=" in word} <= variables, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    made = {block.title for block in blocks(page)}
    named = set(re.findall(r"\bmanifests/[\w./-]+\.yaml\b", text))
    named |= {span for span in spans(page) if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[a-z0-9_./-]+", span)}
    lost = [name for name in sorted(named - made) if not (ROOT / name).exists() and name != "manifests/mine.yaml"]
    assert not lost, f"{page.name} names {lost}"


def test_the_table_of_studies_is_of_those_that_ship() -> None:
    text = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    table = text.partition("| manifest | question |")[2].partition("\n\n")[0]
    listed = {name for row in table.splitlines() for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1:2][0])}
    shipped = {path.stem for path in (ROOT / "manifests").glob("*.yaml")}
    assert listed <= shipped
    assert {name.removesuffix("-full") for name in shipped - listed} <= listed, "a study that ships is in no table"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_manifest_on_a_page_is_one(page: Path) -> None:
    for block in blocks(page) if page.name != FOLLOWED else ():
        if block.language == "yaml" and re.search(r"^models:", block.text, re.MULTILINE):
            whole = block.text if "title:" in block.text else f"title: A part\ntext: stories\n{block.text}"
            data, positions = declared.understand(whole, block.page)
            declared.parse(Manifest, data, positions, "a manifest")


@pytest.mark.parametrize("page", OUTSIDE, ids=lambda page: page.name)
def test_a_link_of_a_page_outside_of_the_site_leads_somewhere(page: Path) -> None:
    """Inside of the site, MkDocs says so (`ci/docs`)."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            found = page.parent / path
            assert found.exists(), f"{page.name}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target
