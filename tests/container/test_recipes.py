"""Two faces of one recipe: what the Dockerfile says, the definition says."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from suite import __version__

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "container" / "Dockerfile").read_text()
DEFINITION = (ROOT / "container" / "lottery.def").read_text()


def section(name: str) -> str:
    found = re.search(rf"^%{name}$(.*?)(?=^%|\Z)", DEFINITION, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def dockerfile_labels() -> dict[str, str]:
    labels = dict(re.findall(r'^LABEL (\S+?)="(.*)"$', DOCKERFILE, re.MULTILINE))
    return {key: re.sub(r"\$\{(\w+)\}", r"{{ \1 }}", value) for key, value in labels.items()}


def definition_labels() -> dict[str, str]:
    return dict(re.findall(r"^ +(\S+) (.*)$", section("labels"), re.MULTILINE))


def test_both_start_from_the_same_digest():
    digest = re.findall(r"sha256:[0-9a-f]{64}", DOCKERFILE + DEFINITION)
    assert len(digest) == 4
    assert len(set(digest)) == 1


def test_both_carry_the_same_labels():
    assert dockerfile_labels() == definition_labels()
    assert dockerfile_labels()["org.opencontainers.image.version"] == __version__


def test_both_carry_the_same_files_and_no_others_reach_the_build():
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    copied = {name for name in copied if Path(name).parent.as_posix() not in copied}  # the folder brings them
    listed = {line.split()[0] for line in section("files").strip().splitlines()}
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert copied == listed == set(allowed)
    assert all((ROOT / name).exists() for name in listed)


def test_both_take_the_same_steps():
    steps = r"sh /opt/lottery/container/install \w+"
    assert re.findall(steps, DOCKERFILE) == re.findall(steps, section("post")) != []
    assert "/usr/local/bin/lottery" in section("runscript")
    assert 'ENTRYPOINT ["/usr/local/bin/lottery"]' in DOCKERFILE


@pytest.fixture
def entrypoint(tmp_path: Path):
    """The entrypoint with a program in the suite's place that prints its environment."""
    script = tmp_path / "entrypoint"
    text = (ROOT / "container" / "entrypoint").read_text()
    script.write_text(re.sub(r"exec /opt/venv/bin/python .*", "exec env", text))

    def run(**environment: str) -> dict[str, str]:
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "scratch"), **environment}
        (tmp_path / "here").mkdir(exist_ok=True)
        done = subprocess.run(
            ["sh", script], env=environment, cwd=tmp_path / "here", capture_output=True, text=True, check=True
        )
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    return run


@pytest.mark.parametrize("home", ["/", "/proc/none", ""])
def test_a_user_without_a_home_gets_one(entrypoint, tmp_path: Path, home: str):
    seen = entrypoint(HOME=home)
    assert seen["HOME"] == f"{tmp_path}/scratch/lottery-{os.getuid()}"
    assert seen["USER"] == "lottery"


def test_downloads_go_to_the_working_directory_or_where_one_says(entrypoint, tmp_path: Path):
    assert entrypoint(HOME=str(tmp_path))["HF_HOME"] == f"{tmp_path}/here/cache/huggingface"
    assert entrypoint(HOME=str(tmp_path), HF_HOME="/elsewhere")["HF_HOME"] == "/elsewhere"


def test_the_token_at_home_is_found(entrypoint, tmp_path: Path):
    token = tmp_path / ".cache" / "huggingface" / "token"
    token.parent.mkdir(parents=True)
    token.write_text("secret")
    assert entrypoint(HOME=str(tmp_path))["HF_TOKEN_PATH"] == str(token)
