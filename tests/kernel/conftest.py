from __future__ import annotations

import pytest
from chain import Chain

from ithaca.kernel import install


@pytest.fixture(scope="session")
def kernel_folder(tmp_path_factory):
    return install(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def chain(tmp_path, kernel_folder):
    return Chain(tmp_path, kernel_folder)
