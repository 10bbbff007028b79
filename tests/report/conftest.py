"""Built once for all tests of the reports: both PDFs of a study like the embedded one."""

from __future__ import annotations

import pytest
from suite.report.paper import build_paper
from suite.report.poster import build_poster

from suite.analysis.facts import Facts, build_facts
from suite.report.pdf import Pdf
from tests.synthetic import embedded


@pytest.fixture(scope="session")
def facts() -> Facts:
    return build_facts(embedded())


@pytest.fixture(scope="session")
def poster(facts: Facts) -> Pdf:
    return build_poster(facts)


@pytest.fixture(scope="session")
def paper(facts: Facts) -> Pdf:
    return build_paper(facts)
