"""A site's profile is data: what is wrong in it is told with its place, and the command line has the last word."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.cluster.profile import PROFILES, read_profile
from suite.errors import InputError


def test_rosie_ships() -> None:
    site = read_profile("rosie", {})
    assert (site.partition, site.gres, site.gpus, site.known) == ("dgx", "gpu:v100:1", 1, True)
    assert site.machine.gpus[0].capability == (7, 0)


@pytest.mark.parametrize("path", list(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_that_ships_is_right(path: Path) -> None:
    assert read_profile(path.stem, {})


def test_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    own = tmp_path / "site.yaml"
    own.write_text("partition: slow\naccount: us\nbinds: [/data]\n")
    site = read_profile(str(own), {"partition": "fast", "gres": "gpu:2", "binds": (), "time": None})
    assert (site.partition, site.account, site.binds, site.gpus, site.known) == ("fast", "us", ("/data",), 2, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("partion: x", "site.yaml:1:1: unknown key 'partion'; did you mean 'partition'"),
        ("time: soon", "site.yaml:1:7: time: input should be a valid integer"),
        ('partition: "a\\nrm -rf ~"', "site.yaml:1:12: partition: string should match"),
        ("environment: {A B: c}", "site.yaml:1:20: A B: string should match"),
        ("- partition", "a profile is a list of `key: value` pairs"),
    ],
)
def test_a_wrong_profile_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_profile(str(tmp_path / "site.yaml"), {})
    assert message in str(caught.value)


def test_an_option_is_held_to_the_same_rules() -> None:
    with pytest.raises(InputError, match="the command line.*partition"):
        read_profile(None, {"partition": "gpu\nrm -rf ~"})
    with pytest.raises(InputError, match="gres"):
        read_profile(None, {"gres": "gpu:1; rm"})


def test_an_unknown_profile_is_told_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="no profile is called 'rosi'; known: rosie, or name a file"):
        read_profile("rosi", {})
    with pytest.raises(InputError, match="no profile is called"):
        read_profile("../../etc/passwd", {})
