"""What studies need against what the machine has: memory, and the dtype it will be."""

from __future__ import annotations

from collections.abc import Iterator

from suite.doctor.finding import Finding, fail, ok, warn
from suite.forecast.experiments import LARGER, forecast, room, search_forecast
from suite.machine import Machine, pick_dtype
from suite.manifest import Study
from suite.needs import few

CLOSE = 0.9  # of the memory: a forecast is no promise


def memory(machine: Machine, studies: list[Study]) -> Iterator[Finding]:
    """The peak that `lottery plan` foresees for each study, against the GPUs' memory, or the host's."""
    there = room(machine)
    where = "the GPUs have" if len(machine.gpus) > 1 else "the GPU has" if machine.gpus else "this machine has"
    if not studies:
        yield ok("memory", f"{machine.memory / 1e9:.1f} GB, {machine.hardware}")
    for study in studies:
        ones = [*forecast(study, machine), *(search.cell for search in search_forecast(study, machine))]
        peak = max(ones, key=lambda one: one.bytes)
        wanted = f"{study.name} needs about {peak.bytes / 1e9:.1f} GB ({peak.experiment.model})"
        found = f"{wanted}, {where} {there / 1e9:.1f} GB"
        if peak.bytes > there:
            yield fail("memory", found, LARGER)
        elif peak.bytes > CLOSE * there:
            yield warn("memory", found, "let nothing else run there, or give the study a shorter `context`")
        else:
            yield ok("memory", found)


def dtype(machine: Machine, studies: list[Study]) -> Iterator[Finding]:
    """What each model will run in, and why; models alike are told together."""
    capability = min((gpu.capability for gpu in machine.gpus), default=None)
    chosen: dict[tuple[str, str], list[str]] = {}
    for model in dict.fromkeys((m.name, m.dtype, m.stored_dtype) for study in studies for m in study.models):
        name, asked, stored = model
        chosen.setdefault(pick_dtype(asked, capability, stored), []).append(name)
    for (picked, why), names in chosen.items():
        yield ok("dtype", f"{picked} for {few(names)}: {why}")
