"""One finished build for the tests of a module, and copies of it for those that change something."""

import shutil
from pathlib import Path

import pytest

from tests.review.builds import build_pages


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_pages(tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("finished"))


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")
