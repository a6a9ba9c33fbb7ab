"""Names that want to be paths, markup, templates or terminal commands."""

import gzip

from tests.hostile.cases import Case
from tests.hostile.made import STORY, arxiv_tar, html_response, paper, tar_of, zip_of

NAMES = {
    "up": "../../../../evil.py",
    "absolute": "/tmp/evil.py",
    "drive": "C:\\evil.py",
    "newline": "a\nb/evil\n.py",
    "long": "x" * 10_000 + ".py",
    "deep": "d/" * 3_000 + "x.py",
    "bidi": "r/\u202eyp.live\u202c.py",
    "control": "r/\x1b]0;owned\x07\x1b[31mred\r.py",
    "reserved": "r/CON/nul/aux.py",
    "braces": "r/{{7*7}}/${HOME}/{0.__class__}/%s%n.py",
    "markup": "r/<script>alert(1)</script>[bold red]x[/].py",
    "dots": "r/./.././/x.py",
    "invisible": "r/\u200b\ufeff\u2028.py",
    "quote": "r/'; rm -rf ~; '$(id)`id`.py",
    "latin1": b"r/caf\xe9.py".decode("utf-8", "surrogateescape"),
    "noncharacter": "r/\uffff\U0010fffe.py",
}
CODE = b"print('hello from a file with a name')\n"

CASES = [
    *(
        Case("github", f"tar-name-{what}.tar.gz", lambda name=name: gzip.compress(tar_of({name: CODE})), 1)
        for what, name in NAMES.items()
    ),
    *(
        Case("github", f"zip-name-{what}.zip", lambda name=name: zip_of({name: CODE}), 1)
        for what, name in NAMES.items()
        if what != "latin1"
    ),
    Case(
        "github",
        "tar-all-names.tar",
        lambda: tar_of({f"{n}{name}": CODE for n, name in enumerate(NAMES.values())}),
        len(NAMES),
    ),
    Case(
        "github",
        "tar-same-name.tar",
        lambda: tar_of({"r/a.py": CODE})[:-9216] + tar_of({"r/a.py": CODE, "r/b.py": CODE}),
        2,
        skipped="repeated_member",
    ),
    *(
        Case("arxiv", f"name-{what}.tar", lambda name=name: arxiv_tar({f"{name}.gz": gzip.compress(paper(STORY))}), 1)
        for what, name in NAMES.items()
    ),
    *(
        Case(
            "common_crawl",
            f"url-{what}.warc",
            lambda name=name, what=what: html_response(
                STORY * 2, f"http://a.example/{what}/{name}".replace("\n", "%0a")
            ),
            1,
        )
        for what, name in NAMES.items()
        if what != "control"
    ),
    Case("common_crawl", "url-script.warc", lambda: html_response(STORY * 2, "javascript:alert(1)//<script>"), 1),
    Case("common_crawl", "url-file.warc", lambda: html_response(STORY * 2, "file:///etc/passwd"), 1),
    Case("common_crawl", "url-none.warc", lambda: html_response(STORY * 2, ""), 0, "no_url"),
    Case("common_crawl", "url-only-dots.warc", lambda: html_response(STORY * 2, "http://" + "." * 60_000), 1),
    Case("common_crawl", "url-labels.warc", lambda: html_response(STORY * 2, "http://" + "a." * 30_000), 1),
    Case("common_crawl", "url-brackets.warc", lambda: html_response(STORY * 2, "http://[::::::[[[]"), 1),
    Case("common_crawl", "url-user.warc", lambda: html_response(STORY * 2, "http://" + "@" * 50_000), 1),
]
