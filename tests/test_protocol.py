"""The protocol is written down once in code and once in words, and the two say the same."""

from __future__ import annotations

import ast
import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from suite import protocol
from suite.evaluation import coherence
from suite.evaluation.interval import mean_interval
from suite.machine import pick_dtype
from suite.paths import ROOT
from suite.pruning.keys import random_keys

WORDS = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
CODE = Path(protocol.__file__).read_text(encoding="utf-8")
CONSTANTS = {name: value for name, value in vars(protocol).items() if name.isupper()}
REFERENCE = re.compile(r"\brules? (\d+(?:(?:, and |, | and | to )\d+)*)", re.IGNORECASE)


def stated() -> Iterator[tuple[int, str, str]]:
    """Every constant as the document states it: the rule it stands under (0: before the first), its name, its value."""
    for section in re.split(r"^### ", WORDS, flags=re.MULTILINE):
        number = re.match(r"(\d+)\. ", section)
        for name, value in re.findall(r"`([A-Z][A-Z0-9_]*) = ([^`]+)`", section):
            yield int(number[1]) if number else 0, name, value


def assigned(source: str) -> Iterator[str]:
    """The names that a module assigns to at its top level."""
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def test_the_document_states_every_constant_with_its_value():
    assert {name for _, name, _ in stated()} - {"NAME"} == set(CONSTANTS)
    for _, name, value in stated():
        if name != "NAME":
            assert eval(value, {"__builtins__": {}, "inf": math.inf}) == CONSTANTS[name], name


def test_a_constant_stands_in_the_code_under_the_rule_that_states_it():
    rules: set[int] = set()
    for line in CODE.splitlines():
        if line.startswith("#") and (found := re.search(r"\(rules? ([\d, and]+)\)", line)):
            rules = set(map(int, re.findall(r"\d+", found[1])))
        elif line.startswith("# What the rules rest on"):
            break
        elif (name := line.partition(" = ")[0]) in CONSTANTS and name != "PROTOCOL_VERSION":
            assert rules & {number for number, other, _ in stated() if other == name}, name


def test_rules_are_numbered_without_a_gap_and_every_rule_that_is_referred_to_exists():
    numbers = [int(found) for found in re.findall(r"^### (\d+)\. ", WORDS, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 22
    files = [path for folder in ("suite", "tests", "ci", "docs", "templates") for path in (ROOT / folder).rglob("*.*")]
    read = [path for path in files if path.suffix in (".py", ".md", ".j2")]
    referred = {
        (path, int(number))
        for path in read
        for found in REFERENCE.finditer(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+", found[1])
    }
    assert len({path for path, _ in referred}) > 20
    assert {(path, number) for path, number in referred if number not in numbers} == set()


def test_the_protocol_is_read_without_torch_or_numpy_and_no_other_module_keeps_a_constant_of_its_own():
    tree = ast.parse(CODE)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported | froms == {"math", "__future__"}
    others = [path for path in (ROOT / "suite").rglob("*.py") if path != Path(protocol.__file__)]
    twice = {(p.name, name) for p in others for name in assigned(p.read_text(encoding="utf-8")) if name in CONSTANTS}
    assert twice == set()


def test_there_are_as_many_prompts_as_a_verdict_needs():
    assert len(coherence.PROMPTS) == len(set(coherence.PROMPTS)) == protocol.JUDGED_PROMPTS


def test_faults_alone_make_no_model_incoherent_and_bfloat16_begins_where_the_rule_says():
    assert math.isinf(protocol.MORE_FAULTS[1])
    major, minor = protocol.BFLOAT16_FROM
    dtype, why = pick_dtype("auto", (major, minor), "float16")
    assert dtype == "bfloat16" and f"from compute capability {major}.{minor}" in why
    assert pick_dtype("auto", (major - 1, 9), "float16")[0] == "float16"


def test_random_removal_can_be_written_anew_from_the_rule():
    name, seed, shape = "model.layers.0.mlp.up_proj.weight", 3, torch.Size((5, 7))
    key = hashlib.sha256(f"lottery/random/{seed}/{name}".encode()).digest()[: protocol.KEY_BYTES]
    raw = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(shape.numel())
    half = protocol.WORD_BITS
    words = [(int(word) >> shift) % 2 ** (half - 1) for word in raw for shift in (0, half)]
    assert random_keys(shape, seed, name).flatten().tolist() == words[: shape.numel()]


def test_intervals_covered_what_the_rule_says_they_did():
    found = []
    for correlation in (0.0, protocol.SIMULATED_CORRELATION):
        for windows in protocol.SIMULATED_WINDOWS:
            noise = np.random.default_rng(windows).normal(size=(protocol.SIMULATIONS, windows))
            for column in range(1, windows):
                fresh = math.sqrt(1 - correlation**2) * noise[:, column]
                noise[:, column] = correlation * noise[:, column - 1] + fresh
            low, high = mean_interval(noise)
            found.append(float(((low <= 0) & (high >= 0)).mean()))
    assert (round(min(found), 3), round(max(found), 3)) == protocol.COVERAGE


def test_an_interval_of_few_windows_that_lie_apart_covers_no_less_than_one_of_many_neighbours():
    correlation, windows = (
        protocol.SIMULATED_CORRELATION,
        protocol.FEWEST_SPREAD_WINDOWS * protocol.TEXT_PER_SPREAD_WINDOW,
    )
    noise = np.random.default_rng(windows).normal(size=(protocol.SIMULATIONS, windows))
    for column in range(1, windows):
        fresh = math.sqrt(1 - correlation**2) * noise[:, column]
        noise[:, column] = correlation * noise[:, column - 1] + fresh
    low, high = mean_interval(noise[:, :: protocol.TEXT_PER_SPREAD_WINDOW])
    assert protocol.COVERAGE[0] <= float(((low <= 0) & (high >= 0)).mean()) <= protocol.COVERAGE[1]
    neighbours_low, neighbours_high = mean_interval(noise[:, : protocol.FEWEST_SPREAD_WINDOWS])
    assert float(((neighbours_low <= 0) & (neighbours_high >= 0)).mean()) < protocol.COVERAGE[0] - 0.02
