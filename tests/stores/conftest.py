"""One emulated store of each kind for all tests, and a folder of its own in there for each."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from tests.stores.object_stores import (
    BUCKET,
    Faults,
    gcs_environment,
    gcs_program,
    gcs_server,
    s3_environment,
    s3_server,
)

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3_service() -> Iterator[Faults]:
    with s3_server() as (address, faults), pytest.MonkeyPatch.context() as patch:
        for name, value in s3_environment(address).items():
            patch.setenv(name, value)
        yield faults


@pytest.fixture(scope="session")
def gcs_service() -> Iterator[None]:
    program = gcs_program()
    if not program:
        pytest.skip("needs fake-gcs-server: `make emulators` installs it with go")
    with gcs_server(program) as address, pytest.MonkeyPatch.context() as patch:
        for name, value in gcs_environment(address).items():
            patch.setenv(name, value)
        patch.setitem(fsspec.config.conf, "gcs", {"token": "anon"})
        yield


@pytest.fixture
def faults(s3_service: Faults) -> Iterator[Faults]:
    """The S3 server's, switched off again at the end."""
    s3_service.requests.clear()
    yield s3_service
    s3_service.every, s3_service.wait, s3_service.refuse, s3_service.failed = 0, 0, False, 0


@pytest.fixture
def s3(s3_service: Faults) -> str:
    """A new folder in the S3 store."""
    return f"s3://{BUCKET}/{next(_numbers)}"


@pytest.fixture(params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest) -> str:
    """A new folder in each kind of object store."""
    request.getfixturevalue("s3_service" if request.param == "s3" else "gcs_service")
    return f"{request.param}://{BUCKET}/{next(_numbers)}"


@pytest.fixture(params=["local", "memory", "s3", "gs"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new folder wherever a build can lie."""
    if request.param == "local":
        return str(tmp_path / "there")
    if request.param == "memory":
        return f"memory://{tmp_path.name}-{next(_numbers)}"
    request.getfixturevalue("s3_service" if request.param == "s3" else "gcs_service")
    return f"{request.param}://{BUCKET}/{next(_numbers)}"
