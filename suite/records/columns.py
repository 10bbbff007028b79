"""Columns: every scalar of a record under a name of its own, for CSV files, sorting and filtering.

Units are in the names where they are not obvious: losses are nats a token, shares lie between 0 and 1.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from suite.errors import InputError
from suite.records.schema import Record

Value = str | int | float | None
RESULTS = (
    "recovered",
    "quantisation",
    "perplexity",
    "generation",
    "memory",
    "size",
    "semi_structured",
    "coherence",
    "training",
)  # what only a finished experiment vouches for


class Kind(Enum):
    TEXT = "text"
    NUMBER = "a number"
    SHARE = "a number or a percentage"


TEXT, NUMBER, SHARE = Kind.TEXT, Kind.NUMBER, Kind.SHARE


@dataclass(frozen=True, slots=True)
class Column:
    """A place in the record: attributes, keys and indices from the record's root, separated by dots."""

    name: str
    kind: Kind
    path: str

    def read(self, record: Record) -> Value:
        """The value, None where there is none; what a failed experiment measured is evidence, never a result."""
        first, *steps = self.path.split(".")
        value: Any = None if first in RESULTS and record.status != "done" else getattr(record, first)
        for step in steps:
            if isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(value, tuple):
                value = value[int(step)]
            elif value is not None:
                value = getattr(value, step)
        return "+".join(value) if isinstance(value, tuple) else value


_KINDS = ("allocated_bytes", "reserved_bytes", "rss_bytes")


def _speed(phase: str) -> Iterator[Column]:
    name = f"{phase}_tokens_per_s"
    for ending, path in {"": "median", "_q1": "quartiles.0", "_q3": "quartiles.1", "_p99": "p99"}.items():
        yield Column(name + ending, NUMBER, f"generation.{name}.{path}")


def _peaks(phase: str) -> Iterator[Column]:
    for kind in _KINDS:
        yield Column(f"{phase}_peak_{kind}", NUMBER, f"memory.{phase}.{kind}")


_COLUMNS = (  # in the order of the CSV
    Column("id", TEXT, "id"),
    Column("status", TEXT, "status"),
    Column("error", TEXT, "error"),
    Column("model", TEXT, "experiment.model"),
    Column("architecture", TEXT, "model.architecture"),
    Column("quantisation", TEXT, "model.quantisation"),
    Column("licence", TEXT, "model.licence"),
    Column("parameters", NUMBER, "model.parameters"),
    Column("revision", TEXT, "experiment.revision"),
    Column("criterion", TEXT, "experiment.criterion"),
    Column("variant", TEXT, "experiment.variant"),
    Column("cycles", NUMBER, "experiment.cycles"),
    Column("what", TEXT, "experiment.what"),
    Column("target", TEXT, "experiment.target"),
    Column("part", TEXT, "experiment.part"),
    Column("layers", TEXT, "experiment.layers"),
    Column("scope", TEXT, "experiment.scope"),
    Column("allocation", TEXT, "experiment.allocation"),
    Column("pattern", TEXT, "experiment.pattern"),
    Column("tied", TEXT, "experiment.tied"),
    Column("seed", NUMBER, "experiment.seed"),
    Column("sparsity", SHARE, "experiment.sparsity"),
    Column("budget", SHARE, "experiment.budget"),
    Column("text", TEXT, "experiment.text.name"),
    Column("text_revision", TEXT, "experiment.text.revision"),
    Column("context", NUMBER, "experiment.context"),
    Column("bos", TEXT, "experiment.bos"),
    Column("precision", TEXT, "experiment.precision"),
    Column("baseline_precision", TEXT, "experiment.baseline_precision"),
    Column("calibration_text", TEXT, "experiment.calibration.text.name"),
    Column("calibration_samples", NUMBER, "experiment.calibration.samples"),
    Column("calibration_seed", NUMBER, "experiment.calibration.seed"),
    Column("recovery_text", TEXT, "experiment.recovery.text.name"),
    Column("recovery_tokens", NUMBER, "experiment.recovery.tokens"),
    Column("arm", TEXT, "experiment.training.arm"),
    Column("level", NUMBER, "experiment.training.level"),
    Column("rewind", SHARE, "experiment.training.rewind"),
    Column("order", NUMBER, "experiment.training.order"),
    Column("read", SHARE, "experiment.training.read"),
    Column("training_text", TEXT, "experiment.training.text.name"),
    Column("training_steps", NUMBER, "experiment.training.steps"),
    Column("measure", TEXT, "experiment.measure"),
    Column("perplexity", NUMBER, "perplexity.value"),
    Column("ratio", NUMBER, "perplexity.ratio_to_dense"),
    Column("ratio_low", NUMBER, "perplexity.interval.low"),
    Column("ratio_high", NUMBER, "perplexity.interval.high"),
    Column("agreement", SHARE, "perplexity.agreement"),
    Column("kl", NUMBER, "perplexity.kl"),
    Column("bits_per_byte", NUMBER, "perplexity.bits_per_byte"),
    Column("floor", NUMBER, "perplexity.floor"),
    Column("loss", NUMBER, "training.loss"),
    Column("loss_floor", NUMBER, "training.floor"),
    Column("windows", NUMBER, "perplexity.windows"),
    Column("text_windows", NUMBER, "perplexity.protocol.text_windows"),
    Column("softmax", TEXT, "perplexity.protocol.softmax"),
    Column("tokens", NUMBER, "perplexity.tokens"),
    Column("achieved_sparsity", SHARE, "pruning.achieved_sparsity"),
    Column("model_sparsity", SHARE, "pruning.model_sparsity"),
    Column("zeros", NUMBER, "pruning.zeros"),
    Column("weights", NUMBER, "pruning.weights"),
    Column("compression_ratio", NUMBER, "pruning.compression_ratio"),
    Column("theoretical_speedup", NUMBER, "pruning.theoretical_speedup"),
    Column("mask", TEXT, "pruning.mask_digest"),
    Column("pruning_seconds", NUMBER, "pruning.seconds"),
    *(Column(f"pruning_peak_{kind}", NUMBER, f"pruning.peaks.{kind}") for kind in _KINDS),
    Column("recovered_mask", TEXT, "recovered.mask_digest"),
    Column("recovery_seconds", NUMBER, "recovered.seconds"),
    Column("quantised_digest", TEXT, "quantisation.digest"),
    Column("quantised_sparsity", SHARE, "quantisation.sparsity"),
    Column("quantised_error", NUMBER, "quantisation.relative_error"),
    Column("quantised_bytes", NUMBER, "quantisation.bytes"),
    *_speed("prefill"),
    *_speed("decode"),
    Column("new_tokens", NUMBER, "generation.new_tokens"),
    Column("prompts", NUMBER, "generation.prompts"),
    Column("prompts_also_alone", NUMBER, "generation.also_alone"),
    Column("prompts_differing", NUMBER, "generation.differing"),
    Column("captured_prefill_tokens_per_s", NUMBER, "generation.captured.prefill_tokens_per_s.median"),
    Column("captured_decode_tokens_per_s", NUMBER, "generation.captured.decode_tokens_per_s.median"),
    Column("captured_why_not", TEXT, "generation.captured.why_not"),
    Column("power_w", NUMBER, "generation.gpu_telemetry.power_w"),
    Column("energy_j_per_token", NUMBER, "generation.gpu_telemetry.energy_j_per_token"),
    Column("weights_bytes", NUMBER, "memory.weights_bytes"),
    Column("peak_bytes", NUMBER, "memory.peak_bytes"),
    *_peaks("evaluation"),
    *_peaks("generation"),
    Column("dense_bytes", NUMBER, "size.dense_bytes"),
    Column("compressed_bytes", NUMBER, "size.compressed_bytes"),
    Column("kernels", TEXT, "semi_structured.kernel"),
    Column("kernels_why_not", TEXT, "semi_structured.why_not"),
    Column("kernels_perplexity", NUMBER, "semi_structured.perplexity"),
    Column("kernels_decode_tokens_per_s", NUMBER, "semi_structured.decode_tokens_per_s.median"),
    Column("verdict", TEXT, "coherence.verdict"),
    Column("faults", NUMBER, "coherence.faults"),
    Column("training_seconds", NUMBER, "training.seconds"),
    Column("dtype", TEXT, "environment.dtype"),
    Column("device", TEXT, "environment.device"),
    Column("device_map", TEXT, "environment.device_map"),
    Column("hardware", TEXT, "environment.hardware"),
    Column("threads", NUMBER, "environment.threads"),
    Column("torch", TEXT, "environment.libraries.torch"),
    Column("seconds", NUMBER, "environment.seconds"),
    Column("started", TEXT, "environment.started"),
    Column("suite_version", TEXT, "environment.suite_version"),
    Column("commit", TEXT, "environment.commit"),
    Column("plugins", TEXT, "environment.plugin_words"),
)
COLUMNS = {column.name: column for column in _COLUMNS}


def column(name: str) -> Column:
    """The column of this name.

    Raises:
        InputError: there is none; the message names those there are.
    """
    if name in COLUMNS:
        return COLUMNS[name]
    close = difflib.get_close_matches(name, COLUMNS, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    raise InputError(f"there is no column {name!r}{meant}; the columns are {', '.join(COLUMNS)}")


def row_of(record: Record) -> dict[str, Value]:
    """Every column of a record, by its name."""
    return {name: column.read(record) for name, column in COLUMNS.items()}


def as_table(records: Iterable[Record]) -> str:
    """Every column of the records as CSV, in full precision: a line a record, below one of titles."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row_of(record).values() for record in records)
    return text.getvalue()
