"""Every small tokenizer, loaded once."""

import pytest

from pile_builder.tokenizer import Tokenizer
from tests.tokenizer import made


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokenizer]:
    folder = tmp_path_factory.mktemp("tokenizers")
    return {name: made.load(folder, name) for name in made.MAKERS}
