"""The time and memory a task asks for: what its profile says, else what the forecast says with a margin."""

from __future__ import annotations

import math
from collections.abc import Iterable

from suite.cluster.profile import Profile
from suite.cluster.shares import Share
from suite.forecast.experiments import Forecast, check_fits, forecast, host_bytes
from suite.manifest import Study


def check_memory(study: Study, shares: Iterable[Share], site: Profile) -> None:
    """Refuse what the GPUs asked for cannot hold, where their kind is known.

    Raises:
        InputError: a model needs more memory than they have.
    """
    if site.known:
        check_fits(_forecasts(study, shares, site), study, site.machine)


def with_limits(site: Profile, study: Study, shares: list[Share]) -> Profile:
    """The profile with a time limit, the same for all tasks, and with the host's memory."""
    bytes_ = max(host_bytes(study, one, site.machine) for one in _forecasts(study, shares, site))
    limits = {
        "time": site.time or minutes(max(share.seconds for share in shares)),
        "memory": site.memory or max(2, round(1.3 * bytes_ / 1e9 + 1)),
    }
    return site.model_copy(update=limits)


def minutes(seconds: float) -> int:
    """The time limit of a task that is foreseen to take so long: twice that and ten minutes, in steps of five."""
    return 5 * math.ceil((2 * seconds / 60 + 10) / 5)


def _forecasts(study: Study, shares: Iterable[Share], site: Profile) -> list[Forecast]:
    names = {name for share in shares for name in share.models}
    return [one for one in forecast(study, site.machine) if one.experiment.model in names]
