"""What is found to be private, against plain Python, on made-up and on real text, and in linear time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.text.column import from_strings
from pile_builder.text.privacy import DOCUMENT, EMAIL, END, KIND, N_KINDS, PHONE, SECRET, START, find_private
from tests.text import plain_privacy

KINDS = tuple(range(N_KINDS))
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + "MIIEpAIBAAKCAQEA7q+/x\n" * 9
SECRETS = {
    "AKIA2R7HQWXZ5KLMNPQT": True,
    "AKIA2R7HQWXZ5KLMNPQTA": False,
    "AKIA2R7HQWXZ5KLMNPQ1": False,
    "xAKIA2R7HQWXZ5KLMNPQT": False,
    "AKIAIOSFODNN7EXAMPLE": False,
    "ghp_" + "aB3dE5gH9" * 4: True,
    "ghp_" + "aB3dE5gH9" * 4 + "x": False,
    "ghp_" + "x" * 36: False,
    "github_pat_" + "11AbCdEfGhIjKlMnOpQrSt_" + "aB3dE5gH9Zy" * 5 + "wxyz": True,
    "xoxb-123456789012-1234567890123-" + "aB3dE5gH" * 3: True,
    "xoxp-123456789012-123456789012-123456789012-" + "0a1b2c3d" * 4: True,
    "xoxb-not-a-token-at-all-but-words": False,
    "xapp-1-A012BCDEFGH-1234567890123-" + "0a1b2c3d" * 8: True,
    "AIza" + "Sy3_-aB9dEf" * 3 + "xY": True,
    "AIza" + "Sy3_-aB9dEf" * 3 + "xYz": False,
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc": True,
    "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc": False,
    "sk-" + "aB3dE5gH9k" * 2 + "T3BlbkFJ" + "Zy8xW6vU4t" * 2: True,
    "sk-proj-" + "aB3_-" * 14 + "wxyzT3BlbkFJ" + "Zy8_-" * 14 + "wxyz": True,
    "sk-ant-api03-" + "aB3_-dE5g" * 10 + "xyzAA": True,
    "sk-learn-is-a-library": False,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMiJ9." + "aB3_-dE5g" * 4 + "xyzuvwq": True,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMiJ9.tooshort": False,
    PEM + "-----END RSA PRIVATE KEY-----": True,
    PEM + "-----END PRIVATE KEY-----": False,
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n" + "lQOYBGPx+a/B=\n" * 9 + "-----END PGP PRIVATE KEY BLOCK-----": True,
    "-----BEGIN CERTIFICATE-----\n" + "MIIEpAIBAAKCAQEA7q+/x\n" * 9 + "-----END CERTIFICATE-----": False,
}
EMAILS = {
    "ann@mail.test-site.org": "ann@mail.test-site.org",
    "<Ann.O'Neil+list@Sub.Site.CO.UK>.": "Ann.O'Neil+list@Sub.Site.CO.UK",
    "to=ann@site.org&x": "ann@site.org",
    "'ann@site.org'": "ann@site.org",
    "写信ann@site.org吧": "ann@site.org",
    "ann@site.org.": "ann@site.org",
    "ann@site.org--": "ann@site.org",
    "ann@site.org" + "-" * 80: "ann@site.org",
    "ann@site.org.7": "ann@site.org",
    "..ann..lee@site.org": "lee@site.org",
    "a@b@site.org": "b@site.org",
    "ann@xn--bcher-kva.xn--p1ai": "ann@xn--bcher-kva.xn--p1ai",
    "x" * 64 + "@site.org": "x" * 64 + "@site.org",
    "x" * 65 + "@site.org": None,
    "ann@" + "y" * 64 + ".org": None,
    "ann@example.com": None,
    "ann@www.Example.ORG": None,
    "ann@box.localhost": None,
    "git@github.com:a/b.git": None,
    "logo@2x.png": None,
    "react@16.8.0": None,
    "w@np.dot(x)": None,
    "ann@site": None,
    "ann.@site.org": None,
    "@site.org": None,
}
ADDRESSES = {
    "at 84.17.203.9, port": "84.17.203.9",
    "http://84.17.203.9:80/x": "84.17.203.9",
    "84.17.203.0/24": "84.17.203.0",
    "[84.17.203.9].": "84.17.203.9",
    "~joe@84.17.203.9": "84.17.203.9",
    "84.17.203.9.1": None,
    "1.84.17.203.9": None,
    "84.17.203.256": None,
    "84.17.203.09": None,
    "v84.17.203.9": None,
    "foo-84.17.203.9.tgz": None,
    "84.17.203.9-2ubuntu1": None,
    "Browser/84.17.203.9": None,
    "2.0.0.12": None,
    "192.168.17.20": None,
    "10.20.30.40": None,
    "172.31.20.30": None,
    "172.32.20.30": "172.32.20.30",
    "100.64.20.30": None,
    "100.128.20.30": "100.128.20.30",
    "198.19.20.30": None,
    "203.0.113.77": None,
    "255.255.255.0": None,
    "2001:470:1f0b:9::1e": "2001:470:1f0b:9::1e",
    "[2a00:1450:4001:814::200E]:443": "2a00:1450:4001:814::200E",
    "2a00:1450:4001:814:0:0:0:7: gone": "2a00:1450:4001:814:0:0:0:7",
    "2a00:1450:4001:814:0:0:0:7:8": None,
    "2a00:1450::814::7": None,
    "2001:db8:17::5": None,
    "fe80::1:2:3": None,
    "::1": None,
    "2012::1": None,
    "x2001:470:1f0b:9::1e": None,
    "12:30:45": None,
}
PHONES = {
    "(713) 853-1234": "(713) 853-1234",
    "(713)853-1234.": "(713)853-1234",
    "Phone(713) 853-1234": "(713) 853-1234",
    "713-853-1234": "713-853-1234",
    "Tel:713.853.1234Fax": "713.853.1234",
    "713/853-1234": "713/853-1234",
    "713 853 1234": "713 853 1234",
    "713\u2011853\u20111234": "713\u2011853\u20111234",
    "713\xa0853\xa01234": "713\xa0853\xa01234",
    "1-713-853-1234": "1-713-853-1234",
    "+1 (713) 853-1234": "+1 (713) 853-1234",
    "+17138531234": "+17138531234",
    "+44 (0)20 7946 1958": "+44 (0)20 7946 1958",
    "+33 1 42 68 53 12 or": "+33 1 42 68 53 12",
    "+49-89-2108-1276": "+49-89-2108-1276",
    "+49 89 2108 1276 2024-01-02": "+49 89 2108 1276",
    "+44 20 7946 1958 84.17.203.256": "+44 20 7946 1958",
    "7138531234": None,
    "713 853 1234 888": None,
    "12 713 853 1234": None,
    "713-853-12345": None,
    "2-713-853-1234": None,
    "AB-713-853-1234": None,
    "113-853-1234": None,
    "713-153-1234": None,
    "853-1234": None,
    "202-555-0143": None,
    "+1-202-555-0143": None,
    "2004-05-06": None,
    "978-0-306-40615-7": None,
    "12.713.853.1234": None,
    "+2004-05-06 10:11": None,
    "+1.23456789012": None,
    "+4294967296": None,
    "+10011010010": None,
    "x+17138531234": None,
    "+0100": None,
}
EVERY_KIND = (EMAILS, ADDRESSES, PHONES)

PIECES = st.sampled_from(
    [
        *(text for cases in EVERY_KIND for text in cases),
        *SECRETS,
        *(
            " ",
            " ",
            "\n",
            ", ",
            ".",
            "-",
            "@",
            "é",
            "語",
            "(",
            ")",
            "+",
            "'",
            ":",
            "/",
            "1",
            "a",
            "\u2013",
            "\xa0",
            "_",
        ),
        *("ann", "713", "853", "1234", "+49", "84", ".org", "@site", "-----", "eyJ", "AKIA", "sk-", "2001:", "::"),
    ]
)
FUZZ = st.text(st.sampled_from("aZ19025 @.-+()/':_,~%é\u2011\xa0"), max_size=80)
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), FUZZ, st.text(max_size=40))


def found(texts: list[str], kinds: tuple[int, ...] = KINDS) -> list[list[plain_privacy.Match]]:
    table = find_private(from_strings(texts), kinds).table
    return [
        [(int(row[START]), int(row[END]), int(row[KIND])) for row in table[table[:, DOCUMENT] == document]]
        for document in range(len(texts))
    ]


@settings(deadline=None, max_examples=400)
@given(st.lists(TEXTS, max_size=4))
@example([text for cases in EVERY_KIND for text in cases] + list(SECRETS))
@example(["ann@site", ".org", "713-853-", "1234", "84.17.203", ".9"])
def test_agrees_with_plain_python(texts: list[str]) -> None:
    got = found(texts)
    assert got == [plain_privacy.find(text) for text in texts]
    for text, own in zip(texts, got, strict=True):
        for start, end, _ in own:
            text.encode()[:start].decode()
            text.encode()[start:end].decode()


@pytest.mark.parametrize("kind", range(3))
def test_cases(kind: int) -> None:
    cases = EVERY_KIND[kind]
    for (text, expected), own in zip(cases.items(), found(list(cases)), strict=True):
        assert [(text.encode()[start:end].decode(), kind) for start, end, kind in own] == (
            [(expected, kind)] if expected else []
        )


def test_secrets() -> None:
    for text, is_secret in SECRETS.items():
        assert found([f"key = '{text}';"]) == [[(7, 7 + len(text), SECRET)] if is_secret else []], text


def test_the_longer_of_two_matches_counts() -> None:
    key = PEM + "ann@site.org 713-853-1234 -----END RSA PRIVATE KEY-----"
    mail = "713-853-1234@84.17.203.9.site.org"
    assert found([key, mail]) == [[(0, len(key), SECRET)], [(0, len(mail), EMAIL)]]
    assert found([mail], (PHONE,)) == [[(0, 12, PHONE)]]


@pytest.mark.parametrize(
    "piece",
    [
        *("@", "a@", "a.@", "x@a.", "aa.bb@cc.", "1", "1.", "1.1.1.1-", "2001:", "2001::", "."),
        *("+1", "+1 ", "713-", "(713) "),
        *("eyJ", "eyJ.", "eyJ ", "AKIA ", "-", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----" + "a" * 70),
        *("x" * 64 + "@" + "y.y" * 60, "-----BEGIN RSA PRIVATE KEY-----" + "a@bb.cc " * 100),
    ],
)  # fmt: skip
def test_hostile_text_takes_linear_time(piece: str) -> None:
    seconds = []
    for size in (1 << 16, 1 << 20):
        column = from_strings([piece * (size // len(piece))])
        start = time.perf_counter()
        find_private(column, KINDS)
        seconds.append(time.perf_counter() - start)
    # Sixteen times the text: quadratic work would take 256 times as long, a few hours for some of these.
    assert seconds[1] < 100 * max(seconds[0], 0.001)


def test_real_text() -> None:
    data = os.environ.get("PILE_DATA")
    if data is None:
        pytest.skip("set PILE_DATA to the folder of real inputs")
    files = [*sorted(Path(data, "enron").glob("*.txt")), *sorted(Path(data, "ubuntu_irc").glob("*"))[:12]]
    files += sorted(Path(data, "books", "gutenberg").glob("*.txt"))[:4]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()]
    got = found(texts)
    assert got == [plain_privacy.find(text) for text in texts]
    assert sum(map(len, got)) > 3000
