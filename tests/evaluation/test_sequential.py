"""A step of a search stops early and tells the truth; a search of such steps finds what one on the whole text does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from suite.evaluation.sequential import confidence_sequence, exceeds, most_windows, random_order, sequential_test
from suite.manifest.cliff import Known, Search, line
from suite.paths import MANIFESTS
from suite.protocol import SEQUENTIAL_FEWEST
from suite.records import Store
from suite.records.experiment import Experiment, Sequential
from suite.records.schema import SequentialTest
from tests.invented import PROTOCOL
from tests.searched import TEMPLATE, bracket

Curve = Callable[[float], NDArray[np.float64]]  # of a sparsity, each window's loss above the dense model's, nats


def step(differences: NDArray[np.float64], factors: tuple[float, ...], batch_size: int = 1) -> SequentialTest:
    asked = Sequential(factors=factors)
    dense = np.linspace(2.0, 3.0, len(differences))

    def losses(chosen: torch.Tensor) -> NDArray[np.float64]:
        return (dense + differences)[chosen.numpy()]

    return sequential_test(asked, losses, dense.tolist(), batch_size, PROTOCOL)


def search(curve: Curve, factors: tuple[float, ...], sequential: bool, batch_size: int = 1) -> tuple[object, int]:
    """Where the factors are crossed, and how many windows were evaluated."""
    found, hunt, windows = Known(), Search(TEMPLATE, factors, sequential), 0
    while (point := hunt.next(found)) is not None:
        differences = curve(point.sparsity)
        if point.sequential is None:
            found.ratios[point.sparsity] = math.exp(differences.mean())
            windows += len(differences)
        else:
            told = step(differences, factors, batch_size)
            found.decided.setdefault(point.sparsity, {}).update(told.exceeds)
            windows += told.windows
    return [bracket(found.ratios, factor) for factor in factors], windows


def test_a_step_tells_on_which_side_of_each_factor_it_is_and_stops() -> None:
    differences = np.random.default_rng(0).normal(math.log(1.5), 0.05, 200)
    told = step(differences, (1.1, 2.0, 10.0))
    assert told.exceeds == {1.1: True, 2.0: False, 10.0: False}
    assert told.stopped == "decided" and SEQUENTIAL_FEWEST <= told.windows < 40
    assert told.low < math.exp(differences.mean()) < told.high
    assert told.order == tuple(random_order(200)[: told.windows].tolist())


def test_a_factor_that_the_ratio_is_at_stays_open_at_half_of_the_text() -> None:
    differences = np.random.default_rng(0).normal(0.0, 0.2, 120)
    differences += math.log(2.0) - differences.mean()
    told = step(differences, (1.1, 2.0))
    assert told.exceeds == {1.1: True, 2.0: None}
    assert told.stopped == "limit" and told.windows == told.limit == most_windows(120) == 60


def test_a_text_that_is_seen_whole_tells_its_own_mean() -> None:
    seen = np.array([0.1, 0.4, -0.2])
    assert confidence_sequence(seen, 3, 0.01) == (pytest.approx(0.1), pytest.approx(0.1))


def test_without_replacement_the_middle_is_the_mean_expected_of_the_whole_text() -> None:
    """Every order of a small population: the estimate is unbiased, as the paper's is."""
    from itertools import permutations

    population = [0.0, 1.0, 2.0, 7.0]
    middles = [sum(confidence_sequence(order[:3], 4, 0.01)) / 2 for order in permutations(population)]
    assert np.mean(middles) == pytest.approx(2.5)


@pytest.mark.parametrize("windows", [61, 148])
@pytest.mark.parametrize("shape", ["normal", "skewed", "heavy"])
def test_looking_after_every_window_misses_the_mean_as_rarely_as_promised(windows: int, shape: str) -> None:
    generator, missed, texts = np.random.default_rng(7), 0, 150
    draws: dict[str, Callable[[], NDArray[np.float64]]] = {
        "normal": lambda: generator.normal(size=windows),
        "skewed": lambda: generator.lognormal(0, 0.3, windows),  # as skewed as the differences of the embedded models
        "heavy": lambda: generator.standard_t(5, windows),
    }
    for _ in range(texts):
        values = draws[shape]()
        ends = [
            confidence_sequence(values[:n], windows, 0.01) for n in range(SEQUENTIAL_FEWEST, most_windows(windows) + 1)
        ]
        missed += any(not low <= values.mean() <= high for low, high in ends)
    assert missed <= (10 if shape == "skewed" else 5)  # of 150 at 1 %: six or more have a chance of 0.4 %


def invented(generator: np.random.Generator, windows: int) -> Curve:
    """A curve of damage: windows that differ as those of real models do (SmolLM2 on WikiText-2: a standard deviation of
    0.2 of the mean at 0.1 nats, 0.1 at 0.7), neighbours alike, some texts skewed."""
    scale, power = generator.uniform(0.003, 0.06), generator.uniform(3, 9)
    spread, alike = generator.uniform(0.1, 0.3), generator.uniform(0, 0.5)
    noise = generator.normal(size=windows)
    for i in range(1, windows):
        noise[i] = alike * noise[i - 1] + math.sqrt(1 - alike**2) * noise[i]
    text = np.exp(noise / 2) if generator.random() < 0.5 else noise
    text = (text - text.mean()) / text.std()
    seed = int(generator.integers(2**32))

    def curve(sparsity: float) -> NDArray[np.float64]:
        mean = scale * math.expm1(power * sparsity**1.5)
        own = np.random.default_rng([seed, round(1000 * sparsity)]).normal(size=windows)
        return mean + 0.7 * spread * mean**0.8 * (0.8 * text + 0.6 * own)

    return curve


def test_simulated_searches_find_the_same_from_half_of_the_tokens() -> None:
    generator, same, shares = np.random.default_rng(11), 0, []
    for number in range(100):
        curve, factors = invented(generator, (100, 148, 300)[number % 3]), ((1.1, 2.0, 10.0), (1.1,))[number % 2]
        whole, all_windows = search(curve, factors, sequential=False)
        found, windows = search(curve, factors, sequential=True)
        same += found == whole
        shares.append(windows / all_windows)
    assert same >= 99
    assert np.mean(shares) <= 0.5


def shipped() -> Iterator[tuple[str, Search, Curve]]:
    """Every search of the shipped studies, with the measured losses of its points."""
    for study in ("embedded", "criteria"):
        store = Store(MANIFESTS / "reference" / study)
        plan = store.read_plan()
        assert plan is not None
        records = [record for path in store.paths if (record := store.read(path.stem)) and record.perplexity]
        dense = {one.experiment.model: one.perplexity for one in records if one.experiment.dense}
        curves: dict[Experiment, dict[float, NDArray[np.float64]]] = {}
        for one in records:
            beside, quality = dense[one.experiment.model], one.perplexity
            assert beside is not None and quality is not None
            if len(beside.nll_per_window) == len(quality.nll_per_window):
                losses = np.array(quality.nll_per_window) - np.array(beside.nll_per_window)
                curves.setdefault(line(one.experiment), {})[one.experiment.sparsity] = losses
        for planned in plan.searches:
            points = curves[line(planned.template)]
            yield study, Search(planned.template, planned.factors), points.__getitem__


def test_every_search_of_the_shipped_studies_finds_the_same_from_fewer_tokens() -> None:
    searches = list(shipped())
    assert len(searches) > 40
    for study, hunt, curve in searches:
        whole, all_windows = search(curve, hunt.factors, sequential=False, batch_size=8)
        found, windows = search(curve, hunt.factors, sequential=True, batch_size=8)
        assert found == whole, (study, hunt)
        assert windows < 0.6 * all_windows


def test_a_ratio_beyond_any_number_is_told_without_one() -> None:
    told = step(np.full(40, 400.0) + np.arange(40) / 100, (10.0,))
    assert told.exceeds == {10.0: True} and told.ratio == told.high == pytest.approx(1e150)


def test_exceeds_is_open_inside_the_interval() -> None:
    assert exceeds(0.1, 0.2, math.exp(0.15)) is None
    assert exceeds(0.1, 0.2, math.exp(0.05)) is True
    assert exceeds(0.1, 0.2, math.exp(0.25)) is False
