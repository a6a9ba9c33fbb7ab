import pytest

from pile_builder.licences import canonical
from pile_builder.sources.creative_commons import creative_commons


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http://creativecommons.org/licenses/by-nc-nd/4.0/", "CC-BY-NC-ND-4.0"),
        ("as in <https://CreativeCommons.org/licenses/BY/3.0/igo>.", "CC-BY-3.0-IGO"),
        ("https://creativecommons.org/licenses/sa/1.0/", "CC-SA-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC"),
    ],
)
def test_names_by_url(text: str, name: str) -> None:
    assert creative_commons(text) == name
    assert canonical(name) == name


def test_other_licences_have_none() -> None:
    assert creative_commons("http://arxiv.org/licenses/nonexclusive-distrib/1.0/") == ""
