from __future__ import annotations

import pytest
from law_notebooks import Bench, installed, shells


@pytest.fixture(scope="session")
def law_shells():
    with shells() as pair:
        yield pair


@pytest.fixture(scope="session")
def law_kernel(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def bench(tmp_path, law_shells, law_kernel):
    return Bench(tmp_path, law_shells, law_kernel)
