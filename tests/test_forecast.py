"""Forecasts: they reckon with what was measured here, foresee the study that ships, and say how good they were."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from suite.bench.measured import Ceiling, Measured, Stage, keep, kept_at
from suite.forecast import durations, passes
from suite.forecast import experiments as forecasts
from suite.forecast import rates as rates_
from suite.forecast.durations import bytes_a_token, converting
from suite.forecast.experiments import forecast, load_seconds
from suite.forecast.hindsight import hindsight, together
from suite.forecast.outlook import Outlook
from suite.forecast.rates import rates
from suite.forecast.trial import Trial, trial
from suite.machine import Machine
from suite.manifest import Study, read_study
from suite.models.anatomy import Anatomy
from suite.models.source import from_catalogue
from suite.models.unchanged import unchanged_blocks
from suite.paths import MANIFESTS
from suite.records import Record
from suite.records.store import read_records

HERE = Machine("AMD EPYC", 2, 24 * 2**30)  # the reference results' own
THREADS = 2
# As `lottery bench` measured them there.
MATRIX, COPY, FILES = {"float32": 183e9, "bfloat16": 419e9}, 39.4e9, 1.06e9
SHARES = {"load": 1.0, "prune": 0.2, "restore": 0.7, "evaluate": 0.85, "generate": 0.4}


CONFIG = {  # of a model between the embedded ones and real ones
    **{"model_type": "llama", "vocab_size": 4096, "hidden_size": 128, "intermediate_size": 352},
    **{"num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2},
}
CORE = Trial(operations=94e9, exponentials=2.67e9, call=2.3e-7)  # as it was tried there


def measured(hardware: str = HERE.hardware, faster: float = 1.0) -> Measured:
    ceilings = [Ceiling.of("copy", "cpu", [faster * COPY], "bytes/s"), Ceiling.of("files", "cpu", [FILES], "bytes/s")]
    ceilings += [Ceiling.of(f"matrix {dtype}", "cpu", [faster * rate], "FLOP/s") for dtype, rate in MATRIX.items()]
    by_name = {one.name: one for one in ceilings}
    held = {"load": "files", "evaluate": "matrix float32"}
    stages = []
    for stage, share in SHARES.items():
        ceiling = by_name[held.get(stage, "copy")]
        stages.append(Stage.of(stage, "float32", "all", [1 / share], round(ceiling.rate), ceiling))  # type: ignore[arg-type]
    return Measured(
        date="2026-01-31",
        suite="0",
        hardware=hardware,
        device="cpu",
        torch="2",
        threads=THREADS,
        model="0.4B",
        parameters=414_761_984,
        layers=24,
        width=1024,
        ceilings=tuple(ceilings),
        stages=tuple(stages),
    )


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", str(THREADS))
    monkeypatch.setattr(rates_, "trial", lambda: CORE)
    monkeypatch.setattr(rates_, "by_amd", lambda: False)  # what ships was computed by PyTorch's own choice of library
    rates.cache_clear()


@pytest.fixture(scope="module")
def embedded() -> Study:
    return read_study(MANIFESTS / "embedded.yaml")


@pytest.fixture(scope="module")
def shipped() -> list[Record]:
    return read_records([MANIFESTS / "reference" / "embedded"])[0]


def test_the_study_that_ships_was_foreseen_within_a_factor_of_two_and_a_half(
    embedded: Study, shipped: list[Record]
) -> None:
    assert {(one.environment.hardware, one.environment.threads) for one in shipped} == {(HERE.hardware, THREADS)}
    keep(measured(), HERE)
    # Those that ship were measured when every block ran in every experiment, also where it need not, when text was
    # written a few prompts at a time, and when the divergence took a second product of the head.
    alike = [
        one
        for one in shipped
        if "generation" not in one.experiment.measure
        and not unchanged_blocks(embedded.model(one.experiment.model).anatomy, one.experiment)
    ]
    seen = hindsight(embedded, forecast(embedded, HERE), alike, HERE)
    assert set(seen) == {model.name for model in embedded.models}
    whole = together(seen.values())
    assert len(whole.took) == len(alike) > 0.8 * len(shipped)
    assert whole.ratios[0] > 0.4 and whole.ratios[-1] < 2.5
    assert sum(whole.took) / sum(whole.foreseen) == pytest.approx(1, abs=0.4)


def test_forecasts_reckon_with_what_was_measured(embedded: Study) -> None:
    assert rates(HERE).said == "usual rates; `lottery bench` measures this machine's"
    keep(measured(), HERE)
    rates.cache_clear()
    assert rates(HERE).said == "rates measured by `lottery bench` on 2026-01-31, with 0.4B"
    before = forecast(embedded, HERE)
    keep(measured(faster=2), HERE)
    rates.cache_clear()
    after = forecast(embedded, HERE)
    assert all(new.seconds < old.seconds for new, old in zip(after, before, strict=True))
    assert [new.bytes for new in after] == [old.bytes for old in before]


def test_a_stage_takes_its_ceilings_seconds_over_its_share() -> None:
    keep(measured(), HERE)
    found = rates(HERE)
    assert found.seconds("evaluate", 183e9, "float32") == pytest.approx(rates_.PRODUCTS / SHARES["evaluate"])
    assert found.seconds("evaluate", 419e9, "bfloat16") == found.seconds("evaluate", 183e9, "float32")
    assert found.seconds("load", FILES, "float32") == pytest.approx(1 / SHARES["load"])
    for stage in ("prune", "restore", "generate"):
        assert found.seconds(stage, COPY, "float32") == pytest.approx(1 / SHARES[stage])  # type: ignore[arg-type]


def test_blocks_that_need_not_run_again_take_no_time(write_manifest: Callable[..., Path]) -> None:
    keep(measured(), HERE)
    cells = "[{part: q, layers: ['0', '1', '2'], sparsity: [0.3, 0.5]}, {target: lm_head, sparsity: [0.3, 0.5]}]"
    dense, *found = forecast(read_study(write_manifest(cells)), HERE)
    first, again, block_1, from_1, block_2, from_2, head, last = [one.seconds for one in found]
    assert first == again > block_1 == from_1, "what is needed first is known from the dense model's pass"
    assert from_1 == block_2 > from_2, "the rest once an experiment came by"
    assert first - from_1 == pytest.approx(block_2 - from_2)
    assert from_2 - head == pytest.approx(0, abs=1e-3) and head > last
    assert len({one.bytes for one in found[2:]}) == 1 and found[2].bytes > dense.bytes == found[0].bytes


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": "lottery-bench/2"}', "\xff", "absurd", "another"])
def test_a_file_that_is_none_is_ignored_with_a_word(content: str, embedded: Study) -> None:
    expected = forecast(embedded, HERE)[0].seconds
    path = kept_at(HERE)
    path.parent.mkdir(parents=True)
    if content == "absurd":
        content = measured().to_json().replace("39400000000.0", "1e-300")
        assert "1e-300" in content
    if content == "another":
        content = measured("Another processor, 2 cores").to_json()
    path.write_bytes(content.encode("latin-1"))
    rates.cache_clear()
    assert forecast(embedded, HERE)[0].seconds == pytest.approx(expected, rel=0.5)  # the rate is tried again
    assert rates(HERE).said.startswith(f"usual rates: {path} cannot be used") and "lottery bench" in rates(HERE).said


def test_records_of_another_machine_say_nothing(embedded: Study, shipped: list[Record]) -> None:
    few = shipped[:4]
    alike = [{"hardware": "Another, 2 cores"}, {"threads": 1}, {"device": "cuda:0"}]
    other = [
        one.model_copy(update={"environment": one.environment.model_copy(update=update)})
        for one, update in zip(few, alike, strict=False)
    ]
    failed = few[3].model_copy(update={"status": "failed"})
    assert hindsight(embedded, [], [*other, failed], HERE) == {}
    assert sum(len(one.took) for one in hindsight(embedded, [], few, HERE).values()) == 4


def outlook(study: Study, records: list[Record]) -> Outlook:
    return Outlook.of(study, records, HERE)


def test_what_is_left_shrinks_to_nothing(embedded: Study, shipped: list[Record]) -> None:
    keep(measured(), HERE)
    elsewhere = [  # so that they correct nothing
        one.model_copy(update={"environment": one.environment.model_copy(update={"threads": 1})}) for one in shipped
    ]
    left = [outlook(embedded, elsewhere[:number]).left for number in (0, 100, len(shipped))]
    assert left[0] > left[1] > left[2] == 0 == outlook(embedded, shipped).whole
    expected = sum(one.seconds for one in forecast(embedded, HERE))
    expected += sum(one.seconds(one.search.most) for one in forecasts.search_forecast(embedded, HERE))
    assert left[0] == pytest.approx(expected + sum(load_seconds(model, HERE) for model in embedded.models))


def slower(embedded: Study, shipped: list[Record], times: float) -> list[Record]:
    """The records of a machine that takes so many times as long as it is foreseen to."""
    planned = {one.experiment.id: one.seconds for one in forecast(embedded, HERE)}
    return [
        one.model_copy(update={"environment": one.environment.model_copy(update={"seconds": times * planned[one.id]})})
        for one in shipped
        if one.id in planned
    ]


def test_ten_experiments_that_are_done_correct_what_is_left(embedded: Study, shipped: list[Record]) -> None:
    done = slower(embedded, shipped, 7.0)[:10]
    done[4] = done[4].model_copy(
        update={"environment": done[4].environment.model_copy(update={"seconds": 1e4})}
    )  # one that was disturbed
    loads = sum(load_seconds(model, HERE) for model in embedded.models)
    on_time = outlook(embedded, slower(embedded, shipped, 1.0)[:10]).left - loads
    assert outlook(embedded, done).left - loads == pytest.approx(7 * on_time)


def test_what_is_done_in_a_run_corrects_what_is_left_of_it(embedded: Study, shipped: list[Record]) -> None:
    done, foreseen = slower(embedded, shipped, 3.0)[:10], outlook(embedded, [])
    for one in done:
        foreseen.note(one)
    assert foreseen.left == pytest.approx(outlook(embedded, done).left)


def test_each_kind_of_measure_is_corrected_by_its_own(embedded: Study, shipped: list[Record]) -> None:
    model = [one for one in shipped if one.experiment.model == "story-mistral"]
    with_text = slower(embedded, [one for one in model if "coherence" in one.experiment.measure], 5.0)
    without = slower(embedded, [one for one in model if one.experiment.measure == ("perplexity",)], 2.0)
    found = outlook(embedded, [*with_text, *without])
    assert found.pace(with_text[0].experiment) == pytest.approx(5)
    assert found.pace(without[0].experiment) == pytest.approx(2)
    one_of_each = outlook(embedded, [with_text[0], without[0]])
    assert one_of_each.pace(with_text[0].experiment) == pytest.approx(3.5), "too few tell of their kind, but of all"


def test_one_that_fails_is_not_left_and_says_nothing_of_others(embedded: Study, shipped: list[Record]) -> None:
    done = slower(embedded, shipped, 9.0)[:10]
    found, before = outlook(embedded, []), outlook(embedded, []).left
    for one in done:
        found.note(one.model_copy(update={"status": "failed"}))
    assert found.left < before and found.pace(done[0].experiment) == 1


def test_the_processors_core_is_tried() -> None:
    found = trial()
    assert found.operations > 1e8 and found.exponentials > 1e6 and 1e-9 < found.call < 1e-3


def test_fewer_threads_take_longer(embedded: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    both = sum(one.seconds for one in forecast(embedded, HERE))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    rates.cache_clear()
    assert 1.4 * both < sum(one.seconds for one in forecast(embedded, HERE)) < 2 * both


@pytest.mark.parametrize("what", ["context", "vocabulary", "heads"])
def test_an_evaluation_grows_with_what_it_computes(what: str) -> None:
    found = rates(HERE)
    small = Anatomy(CONFIG)
    large = Anatomy(CONFIG | {"vocabulary": {"vocab_size": 40_000}, "heads": {"num_attention_heads": 16}}.get(what, {}))
    context = 1024 if what == "context" else 256

    def seconds(anatomy: Anatomy, context: int) -> float:
        return passes.body(anatomy, 4096, context, found, "float32") + passes.head(anatomy, 4096, found, "float32")

    assert seconds(large, context) > 1.1 * seconds(small, 256)


def test_comparing_with_the_dense_model_costs_more_than_its_product() -> None:
    found, anatomy = rates(HERE), Anatomy(CONFIG)
    alone, twice = (passes.head(anatomy, 4096, found, "float32", twice) for twice in (False, True))
    product = found.products(4096 * 2 * anatomy.head.weights, "float32", anatomy.hidden, evaluating=True)
    assert twice > alone + product


def test_products_are_faster_where_evaluation_takes_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    anatomy = Anatomy(CONFIG)

    def seconds(flags: set[str], dtype: str = "float32", evaluating: bool = True) -> float:
        monkeypatch.setattr(rates_, "processor_flags", lambda: flags)
        rates.cache_clear()
        return rates(HERE).products(1e12, dtype, anatomy.hidden, evaluating)

    usual = seconds({"avx512f"})
    monkeypatch.setattr(rates_, "by_amd", lambda: True)
    assert seconds({"avx512f"}) < seconds({"avx2"}) / 1.5 < usual / 1.5
    assert seconds({"avx512f"}, evaluating=False) == usual and seconds({"avx512f"}, "float16") > usual
    keep(measured(), HERE)  # with the library of evaluation, as its products are what it is held against
    share = SHARES["evaluate"] / rates_.PRODUCTS
    assert seconds({"avx512f"}) == pytest.approx(1e12 * 1.125 / (share * MATRIX["float32"]))


def test_a_second_product_is_foreseen_where_divergence_takes_one(write_manifest: Callable[..., Path]) -> None:
    study = read_study(write_manifest("[{target: [attention, lm_head], sparsity: 0.5}]"))
    dense, attention, head = study.experiments
    anatomy = study.model(dense.model).anatomy
    asked = [(one, dtype) for dtype in ("float32", "bfloat16") for one in (dense, attention, head)]
    found = [durations._second_product(anatomy, *one) for one in asked]
    assert found == [True, False, True, False, True, True]


def test_16_bits_cost_more_than_float32_where_the_processor_does_not_multiply_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anatomy = Anatomy(CONFIG)

    def seconds(flags: set[str], dtype: str) -> float:
        monkeypatch.setattr("suite.machine.processor_flags", lambda: flags)
        rates.cache_clear()
        return passes.body(anatomy, 4096, 256, rates(HERE), dtype)

    assert seconds({"avx2"}, "bfloat16") > 3 * seconds({"avx2"}, "float32") > 3 * seconds({"avx512_bf16"}, "bfloat16")
    assert seconds({"avx512_bf16"}, "float16") == seconds({"avx2"}, "float16"), "which bfloat16 says nothing of"


def test_small_vocabularies_cut_a_text_into_more_tokens() -> None:
    assert bytes_a_token(105) == 1 and bytes_a_token(512) == 2
    assert 3.5 < bytes_a_token(32_000) < bytes_a_token(49_152) < bytes_a_token(152_000) < 4.6


def test_a_gguf_file_is_foreseen_to_be_converted_once_and_only_where_the_cache_lacks_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    model = from_catalogue("smollm2-135m-instruct")
    again = replace(model, name="again")
    assert converting([model]) == converting([model, again]) > 0.1
    assert converting([from_catalogue("story-mistral")]) == 0
    monkeypatch.setattr("suite.gguf.cache.is_whole", lambda folder: True)
    assert converting([model]) == 0


def test_plan_says_what_it_reckons_with_and_how_well_it_foresaw(
    write_manifest: Callable[..., Path], tmp_path: Path
) -> None:
    path, results = write_manifest("[{target: [attention, mlp], sparsity: 0.5}]"), tmp_path / "r"

    def lottery(*arguments: object) -> str:
        command = [sys.executable, "-m", "suite", *map(str, arguments), "--results", str(results)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
        return done.stdout

    before = lottery("plan", path)
    assert "usual rates; `lottery bench` measures this machine's" in before.splitlines()
    assert "was foreseen" not in before and "of it are left" not in before
    ran = lottery("run", path).splitlines()[-1]
    assert ran.startswith("3 experiments took ") and ran.endswith(" times as long") and " were foreseen: " in ran
    assert "times as long" not in lottery("run", path)  # nothing was done
    after = lottery("plan", path)
    assert "everything has a record" in after and "3 experiments done here took " in after
    assert "corrected by it" in after
    more = write_manifest("[{target: [attention, mlp], sparsity: [0.5, 0.6]}]")
    assert "of it are left" in lottery("plan", more)


def test_plan_needs_no_torch(write_manifest: Callable[..., Path]) -> None:
    path = write_manifest()
    code = (
        "import sys\nfrom suite.cli import cli\n"
        f"cli.main(['plan', {str(path)!r}], standalone_mode=False)\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
