"""The search for a ticket: what is trained is what was asked for, alone or in company, and every control is fair."""

from __future__ import annotations

import pytest
import torch

from suite.errors import ExperimentError
from suite.models.anatomy import Anatomy
from suite.pruning.iterative import overlap
from suite.records.experiment import Experiment
from suite.training.levels import remaining, sibling, stands_on
from suite.training.narrower import narrower
from suite.training.networks import Networks, initial
from suite.training.ticket import alike_in, mask_of, rate, train
from tests.training.networks import CPU, SOURCE, WEIGHTS, data, dense, ended, held_out, subject, trained, training

TICKET = {"arm": "ticket", "level": 1}


def kept(mask: dict[str, torch.Tensor]) -> int:
    return sum(int(one.sum()) for one in mask.values())


def test_several_networks_at_once_are_trained_as_each_alone() -> None:
    ones = [training(), sibling(dense(1), WEIGHTS), training(arm="small-dense", level=1), training(order=1)]
    ones.remove(ones[2])  # another architecture is another batch
    together = train([subject(one) for one in ones], data(), held_out(), CPU, "eager", lambda *_: None)
    for one, found in zip(ones, together, strict=True):
        alone = trained(one)
        assert [step.loss for step in found.course] == pytest.approx([step.loss for step in alone.course], rel=1e-5)
        assert found.loss == pytest.approx(alone.loss, rel=1e-5)


def test_masked_networks_at_once_are_trained_as_each_alone() -> None:
    ones = [training(arm=arm, level=1, rewind=0.25) for arm in ("ticket", "random-reinit", "random")]
    subjects = [subject(one) for one in ones]
    assert len({alike_in(one.experiment, one.config) for one in subjects}) == 1
    for one, found in zip(ones, train(subjects, data(), held_out(), CPU, "eager", lambda *_: None), strict=True):
        assert found.loss == pytest.approx(trained(one).loss, rel=1e-5)


@pytest.mark.parametrize("rewind", [0.0, 0.25])
def test_what_a_mask_removed_stays_zero_and_the_level_has_its_exact_size(rewind: float) -> None:
    found = ended(training(arm="ticket", level=2, rewind=rewind))
    assert kept(found.mask) == remaining(WEIGHTS, 0.5, 2)
    for name, mask in found.mask.items():
        assert not (found.values[name] * ~mask).any()
        assert (found.values[name][mask] != 0).all()


def test_what_the_optimiser_remembers_of_a_removed_weight_is_forgotten() -> None:
    networks = Networks(SOURCE.config, [initial(SOURCE.config, 0)], CPU)
    windows, weights = (one[None] for one in data().batch(1, 0, 4))
    networks.step(windows, weights, 0.01)
    mask = mask_of(subject(training(**TICKET)))
    networks.mask([mask])
    for step in range(3):
        networks.step(windows, weights, 0.01)
        assert networks.held(), step
        for name, keeps in mask.items():
            state = networks.optimizer.state[networks.parameters[name]]
            assert not (state["exp_avg"] * ~keeps).any() and not (state["exp_avg_sq"] * ~keeps).any()


def test_a_weight_that_came_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(networks: Networks, *_: object) -> torch.Tensor:
        for value in networks.parameters.values():
            value.add_(1e-3)
        return torch.zeros(networks.count)

    one = subject(training(**TICKET))
    monkeypatch.setattr(Networks, "step", leaky)
    with pytest.raises(RuntimeError, match="a removed weight came back"):
        train([one], data(), held_out(), CPU, "eager", lambda *_: None)


def test_a_loss_that_is_no_number_is_told() -> None:
    wild = dense().model_copy(update={"training": dense().training.model_copy(update={"learning_rate": 1e30})})  # type: ignore[union-attr]
    with pytest.raises(ExperimentError, match="no number any more in step"):
        train([subject(wild)], data(), held_out(), CPU, "eager", lambda *_: None)


def test_a_ticket_begins_with_the_initial_values_and_loses_the_smallest_trained_ones() -> None:
    last, mask = ended(training()).values, mask_of(subject(training(**TICKET)))
    kept_values = torch.cat([last[name][keeps].abs() for name, keeps in mask.items()])
    lost = torch.cat([last[name][~keeps].abs() for name, keeps in mask.items()])
    assert kept_values.min() >= lost.max()


def starts(monkeypatch: pytest.MonkeyPatch, experiment: Experiment, at: int = 0) -> dict[str, torch.Tensor]:
    """The values a network has before its step of this number."""
    seen: list[dict[str, torch.Tensor]] = []
    step = Networks.step
    one = subject(experiment)

    def watched(networks: Networks, *arguments: torch.Tensor) -> torch.Tensor:
        seen.append(networks.state(0))
        return step(networks, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Networks, "step", watched)
    train([one], data(), held_out(), CPU, "eager", lambda *_: None)
    monkeypatch.undo()
    return seen[at]


def test_rewinding_gives_the_dense_networks_own_values_of_that_step(monkeypatch: pytest.MonkeyPatch) -> None:
    on_its_way = starts(monkeypatch, training(), 5)
    rewound = starts(monkeypatch, training(arm="ticket", level=1, rewind=0.25), 5)  # of 24 steps the first 6 are dense
    assert all(torch.equal(on_its_way[name], rewound[name]) for name in on_its_way)


def test_controls_differ_from_the_ticket_in_what_they_control_for_and_in_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticket = subject(training(**TICKET))
    for arm in ("random-reinit", "random"):
        control = subject(training(arm=arm, level=1))
        assert alike_in(control.experiment, control.config) == alike_in(
            ticket.experiment, ticket.config
        )  # steps, batch, learning rate, rewind
    fresh, random = (mask_of(subject(training(arm=arm, level=1))) for arm in ("random-reinit", "random"))
    mask = mask_of(ticket)
    assert all(torch.equal(mask[name], fresh[name]) for name in mask)
    assert all(int(mask[name].sum()) == int(random[name].sum()) for name in mask)
    shared, chance = overlap(mask, random)
    assert abs(shared - chance) < 0.05
    own = starts(monkeypatch, training(**TICKET))
    assert all(torch.equal(own[name], initial(SOURCE.config, 0)[name] * mask[name]) for name in mask)
    others = starts(monkeypatch, training(arm="random-reinit", level=1))
    assert not any(torch.equal(own[name], others[name]) for name in mask)
    drawn = starts(monkeypatch, training(arm="random", level=1))
    assert all(torch.equal(drawn[name], initial(SOURCE.config, 0)[name] * random[name]) for name in mask)


def test_rate_rewinding_goes_on_with_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    mask, before = mask_of(subject(training(arm="learning-rate-rewinding", level=1))), ended(training()).values
    begun = starts(monkeypatch, training(arm="learning-rate-rewinding", level=1))
    assert all(torch.equal(begun[name], before[name] * mask.get(name, torch.tensor(1))) for name in begun)


def test_every_arm_of_an_order_sees_the_same_windows_and_another_order_others() -> None:
    assert [t.tolist() for t in data().batch(7, 3, 4)] == [t.tolist() for t in data().batch(7, 3, 4)]
    assert not torch.equal(data().batch(7, 3, 4)[0], data().batch(8, 3, 4)[0])
    assert not torch.equal(data().batch(7, 3, 4)[0], data().batch(7, 4, 4)[0])
    assert trained(training()).course != trained(training(order=1)).course


def test_it_is_examined_on_text_it_never_saw() -> None:
    seen = {tuple(window) for window in data().tokens.unfold(0, 40, 1)[torch.from_numpy(data().starts)].tolist()}
    assert not seen & {tuple(window) for window in held_out().windows.tolist()}
    assert held_out().text_sha256 != ""


def test_no_network_is_below_the_grammar_but_by_luck_and_training_helps() -> None:
    first, last = trained(training()).course[0], trained(training()).course[-1]
    assert held_out().floor is not None
    assert held_out().floor < last.held_out < first.held_out


def test_a_mask_read_at_the_end_is_the_dense_networks_own() -> None:
    early = trained(training(arm="early", level=1, read=1.0))
    assert early.overlaps.last is not None and early.overlaps.last.shared == 1.0
    sooner = trained(training(arm="early", level=1, read=0.25))
    assert sooner.overlaps.last is not None
    assert sooner.overlaps.last.chance < sooner.overlaps.last.shared < 1.0


def test_a_path_ends_at_both_networks() -> None:
    done = trained(training(**TICKET))
    assert done.path is not None
    assert done.path[0] == pytest.approx(trained(training()).loss, rel=1e-6)
    assert done.path[-1] == done.loss


def test_the_learning_rate_rises_stays_and_falls() -> None:
    rates = [rate(step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(0.02) and rates[49] == rates[500] == 1.0
    assert rates[750] == pytest.approx(0.5) and rates[-1] == pytest.approx(0.02)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_a_narrower_network_has_nearly_as_many_parameters(share: float) -> None:
    wanted = round(share * SOURCE.anatomy.weights)
    found = Anatomy(narrower(SOURCE.config, wanted))
    assert found.weights == pytest.approx(wanted, rel=0.05)
    assert found.layers == SOURCE.anatomy.layers


def test_what_a_training_stands_on_comes_from_its_own_search() -> None:
    found = stands_on(training(arm="ticket", level=2, rewind=0.25, order=1), WEIGHTS)
    asked = {name: one.training for name, one in found.items()}
    assert {name: (a.arm, a.level, a.rewind, a.order) for name, a in asked.items() if a} == {
        "before": ("ticket", 1, 0.25, 1),
        "dense": ("dense", 0, 0.0, 0),
        "ticket": ("ticket", 2, 0.25, 0),
    }
    assert {one.seed for one in found.values()} == {0}
    assert stands_on(training(arm="small-dense", level=2), WEIGHTS) == {}
