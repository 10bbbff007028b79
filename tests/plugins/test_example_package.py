"""A package that adds a criterion, a text, a model and a section is installed, and everything finds what it adds."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from suite.models.catalogue import EMBEDDED
from suite.records import Record, read_records
from tests.docs.pages import DOCS, FOLLOWED, blocks
from tests.plugins.packages import EXAMPLE, called, install_example, new_python

STUDY = """title: Mine
models: [story-mistral-small, my-model]
text: tiny-tales
windows: 40
experiments:
  - {criterion: [random, relative, magnitude], target: blocks, sparsity: [0.3, 0.6]}
"""
OURS = [
    ("criterion", "relative", "lottery-example", "0.1.0"),
    ("model", "my-model", "lottery-example", "0.1.0"),
    ("text", "tiny-tales", "lottery-example", "0.1.0"),
]


@dataclass(frozen=True)
class Installed:
    """Where the package is, and where a study that uses it was run by the real command."""

    site: Path
    folder: Path
    planned: str

    def lottery(self, *arguments: object) -> str:
        """What `lottery ARGUMENTS` says in a new Python."""
        return new_python(self.folder, "-m suite", *arguments, site=self.site, MY_MODEL=str(EMBEDDED / "story-phi"))

    def python(self, script: str) -> str:
        return new_python(self.folder, f"-c {script}", site=self.site, MY_MODEL=str(EMBEDDED / "story-phi"))

    @property
    def records(self) -> list[Record]:
        return read_records([self.folder / "results"])[0]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder, site = tmp_path_factory.mktemp("study"), tmp_path_factory.mktemp("site")
    install_example(site, tmp_path_factory.mktemp("scratch"))
    (folder / "mine.yaml").write_text(STUDY, encoding="utf-8")
    planned = Installed(site, folder, "").lottery("plan", "mine.yaml")
    installed = Installed(site, folder, planned)
    installed.lottery("run", "mine.yaml")
    return installed


def test_it_is_planned_without_torch(example: Installed) -> None:
    assert "story-mistral-small blocks 30 % Relative magnitude" in example.planned
    assert "text tiny-tales, windows of 64 tokens" in example.planned
    script = (
        "import sys; from suite.cli import cli; cli.main(['plan', 'mine.yaml'], standalone_mode=False); "
        "sys.exit(', '.join({'torch', 'transformers', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    assert "Relative magnitude" in example.python(script)


def test_records_say_which_package_brought_what(example: Installed) -> None:
    found = {(one.experiment.model, one.experiment.criterion): one.environment.plugins for one in example.records}
    assert len(example.records) == 14 and all(one.status == "done" for one in example.records)
    told = {key: [(use.kind, use.name, use.distribution, use.version) for use in uses] for key, uses in found.items()}
    assert told["my-model", "relative"] == OURS
    assert told["my-model", "magnitude"] == OURS[1:]
    assert told["story-mistral-small", "relative"] == [OURS[0], OURS[2]]
    assert told["story-mistral-small", "none"] == OURS[2:]


def test_exactly_as_many_weights_go_as_by_any_other_criterion(example: Installed) -> None:
    found: dict[float, dict[str, tuple[int, str]]] = {}
    for one in example.records:
        if one.pruning and one.experiment.model == "my-model":
            made = one.pruning.zeros, one.pruning.mask_digest
            found.setdefault(one.experiment.sparsity, {})[one.experiment.criterion] = made
    assert set(found) == {0.3, 0.6}
    for made in found.values():
        assert set(made) == {"magnitude", "relative", "random"}
        assert len({zeros for zeros, _ in made.values()}) == 1 and len({digest for _, digest in made.values()}) == 3


def test_tables_and_columns_name_it(example: Installed) -> None:
    assert "Relative magnitude" in example.lottery("records", "results")
    chosen = example.lottery("records", "results", "--csv", "--where", "plugins~lottery-example 0.1.0")
    assert len(chosen.splitlines()) == 1 + 14


def test_documents_print_its_section_and_say_where_it_comes_from(example: Installed) -> None:
    example.lottery("report", "results", "--out", "out")
    assert all((example.folder / "out" / name).is_file() for name in ("paper.pdf", "supplement.pdf", "poster.pdf"))
    page = (example.folder / "out" / "results.html").read_text(encoding="utf-8")
    said = " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())
    assert "The hardest window of the text" in said and "has the hardest window of the text for 2 dense models" in said
    assert "The highest loss of a window in nats a token, dense." in said
    assert "Other packages brought: criterion relative of lottery-example 0.1.0; model my-model of" in said
    assert "The section “The hardest window of the text” comes from lottery-example 0.1.0." in said
    assert "Relative magnitude" in said and "My Model" in said
    table = page[page.index('id="criteria-table"') :]
    named = re.findall(r'<th scope="row">([^<]*)</th>', table[: table.index("</table>")])
    assert named[:3] == ["magnitude", "Relative magnitude", "random"]


def test_a_comparison_with_itself_reproduces_and_names_it(example: Installed) -> None:
    said = example.lottery("compare", "results/mine", "results/mine")
    assert "14 of 14 cells reproduce." in said
    assert said.count("plug-ins: criterion relative of lottery-example 0.1.0") == 2
    sides = json.loads(example.lottery("compare", "results/mine", "results/mine", "--json"))["here"]["environments"]
    assert ["relative", "tiny-tales"] in [[use["name"] for use in side.get("plugins", ())] for side in sides]


def test_the_schema_and_the_doctor_list_it(example: Installed) -> None:
    assert '"relative"' in example.lottery("schema")
    said = example.lottery("doctor")
    for what in ("criterion relative", "text tiny-tales", "model my-model", "section hardest_window"):
        assert f"{what} of lottery-example 0.1.0" in said


def test_the_library_prunes_with_it(example: Installed) -> None:
    script = (
        "import suite, torch; model = suite.load('my-model'); dense = model.perplexity('tiny-tales', windows=8)\n"
        "with model.pruned('relative', sparsity=0.5, target='blocks') as report:\n"
        "    assert abs(report.sparsity - 0.5) < 1e-3\n"
        "assert model.restored()\n"
        "handle = suite.prune_(layer := torch.nn.Linear(8, 8), 'relative', 0.25)\n"
        "assert handle.zeros == 16 and int((layer.weight == 0).sum()) == 16\n"
        "print('pruned')"
    )
    assert "pruned" in example.python(script)


def test_without_the_package_its_records_are_read_printed_and_compared(example: Installed) -> None:
    code, said, wrong = called(example.folder, "records", "results")
    assert code == 0 and "relative" in said and "Relative" not in said, wrong
    code, said, wrong = called(example.folder, "compare", "results/mine", "results/mine")
    assert code == 0 and "14 of 14 cells reproduce." in said, wrong
    code, said, wrong = called(example.folder, "page", "results", "--out", "bare")
    assert code == 0, wrong
    page = (example.folder / "bare" / "results.html").read_text(encoding="utf-8")
    assert "relative" in page and "criterion relative of lottery-example 0.1.0" in page
    assert "The hardest window of the text" not in page


@pytest.mark.parametrize("command", ["run", "plan"])
def test_without_the_package_running_says_which_to_install(example: Installed, command: str) -> None:
    code, _, wrong = called(example.folder, command, "mine.yaml")
    assert code == 2 and wrong.count("\n") == 1
    assert "its records were made with lottery-example==0.1.0: pip install lottery-example==0.1.0" in wrong


def test_what_the_page_on_plug_ins_shows_is_the_example_s() -> None:
    written = "".join(
        path.read_text(encoding="utf-8") for path in EXAMPLE.rglob("*") if path.suffix in (".toml", ".py")
    )
    page = DOCS / FOLLOWED
    start = page.read_text(encoding="utf-8").split("\n").index("## Plug-ins")
    shown = [block for block in blocks(page) if block.line > start]
    assert [block.language for block in shown] == ["toml", "python"]
    assert all(block.text.strip() in written for block in shown)
