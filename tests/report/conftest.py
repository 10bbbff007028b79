"""Built once for all tests of the reports: the documents of a study like the embedded one."""

from __future__ import annotations

import pytest

from suite.analysis.facts import Facts, build_facts
from suite.report.contents import Contents, contents_of
from suite.report.media.page import build_page
from suite.report.media.paper import build_paper, build_supplement
from suite.report.media.poster import build_poster
from suite.report.pdf import Pdf
from tests.altered import everything
from tests.synthetic import embedded
from tests.trained import full


@pytest.fixture(scope="session")
def facts() -> Facts:
    return build_facts(embedded())


@pytest.fixture(scope="session")
def contents(facts: Facts) -> Contents:
    return contents_of(facts)


@pytest.fixture(scope="session")
def poster(contents: Contents) -> Pdf:
    return build_poster(contents)


@pytest.fixture(scope="session")
def paper(contents: Contents) -> Pdf:
    return build_paper(contents)


@pytest.fixture(scope="session")
def supplement(contents: Contents) -> Pdf:
    return build_supplement(contents)


@pytest.fixture(scope="session")
def page(contents: Contents) -> bytes:
    return build_page(contents)


@pytest.fixture(scope="session")
def whole() -> Contents:
    """What several studies together hold: every section but the one that needs two families of models."""
    return contents_of(build_facts([*everything(), *full((0, 1))]))
