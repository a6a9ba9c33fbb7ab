"""EPUBs whose XML expands, refers, loops or leads elsewhere, and Gutenberg texts with traps for their patterns."""

from tests.hostile.cases import Case
from tests.hostile.made import CONTAINER, STORY, epub, opf, xhtml

PAGE = xhtml(STORY * 3)
LAUGHS = (
    '<!DOCTYPE html [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
EXTERNAL = (
    '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY % y SYSTEM "http://127.0.0.1:1/x.dtd"> %y;]>'
)
INCLUDE = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
ENCRYPTION = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData '
    'xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
)
METADATA = (
    "<dc:title>&lt;script&gt;alert(1)&lt;/script&gt; {{7*7}} [bold]\u202e</dc:title><dc:date>9999-99-99</dc:date>"
    "<dc:language>../../</dc:language>"
)


def _inside(text: str) -> str:
    return PAGE.replace("</p>", f"</p>{text}")


BOOKS = {
    "laughs": (lambda: epub({"1.xhtml": LAUGHS + _inside("<p>&j;</p>")}), ""),
    "laughs-package": (
        lambda: epub({"1.xhtml": PAGE}, LAUGHS + opf(["1.xhtml"], "<dc:title>&j;</dc:title>")),
        "damaged",
    ),
    "laughs-container": (lambda: epub({"1.xhtml": PAGE}, container=LAUGHS + CONTAINER), ""),
    "external-entity": (lambda: epub({"1.xhtml": EXTERNAL + _inside("<p>&x;</p>")}), ""),
    "external-package": (lambda: epub({"1.xhtml": PAGE}, EXTERNAL + opf(["1.xhtml"], "<dc:title>&x;</dc:title>")), ""),
    "xinclude": (lambda: epub({"1.xhtml": _inside(INCLUDE)}), ""),
    "stylesheet": (
        lambda: epub({"1.xhtml": '<?xml-stylesheet href="http://127.0.0.1:1/x.xsl" type="text/xsl"?>' + PAGE}),
        "",
    ),
    "attribute-quadratic": (
        lambda: epub(
            {
                "1.xhtml": f'<!DOCTYPE html [<!ENTITY a "{"a" * 50_000}">]>'
                + _inside(f'<p title="{"&a;" * 50_000}">x</p>')
            }
        ),
        "",
    ),
    "page-deep": (lambda: epub({"1.xhtml": _inside("<div>" * 50_000 + "x" + "</div>" * 50_000)}), ""),
    "page-deep-open": (lambda: epub({"1.xhtml": _inside("<div>" * 50_000)}), ""),
    "page-wide": (lambda: epub({"1.xhtml": _inside("<i>x</i>" * 600_000)}), "too_large"),
    "page-anchors": (lambda: epub({"1.xhtml": _inside("<a>" * 240 + "x" + "</a>" * 240)}), ""),
    "page-namespaces": (
        lambda: epub({"1.xhtml": _inside("".join(f'<p xmlns:n{n}="u{n}">x</p>' for n in range(20_000)))}),
        "",
    ),
    "page-numbered": (
        lambda: epub({"1.xhtml": _inside('<ol start="999999">' + '<li value="999999">x</li>' * 20_000 + "</ol>")}),
        "not_a_book",
    ),
    "page-empty": (lambda: epub({"1.xhtml": ""}, opf(["1.xhtml"])), "damaged"),
    "page-not-xml": (lambda: epub({"1.xhtml": b"<p>" + STORY.encode() * 3 + b"\xff\x00<<<&&&"}), ""),
    "page-encoding-lie": (lambda: epub({"1.xhtml": '<?xml version="1.0" encoding="utf-16"?>' + PAGE}), "not_a_book"),
    "page-encoding-unknown": (lambda: epub({"1.xhtml": '<?xml version="1.0" encoding="x-nowhere"?>' + PAGE}), ""),
    "page-utf-16": (lambda: epub({"1.xhtml": ('<?xml version="1.0" encoding="utf-16"?>' + PAGE).encode("utf-16")}), ""),
    "spine-loop": (lambda: epub({"1.xhtml": PAGE}, opf(["1.xhtml"], spine=["i0"] * 50_000)), ""),
    "spine-missing": (lambda: epub({"1.xhtml": PAGE}, opf(["1.xhtml", "gone.xhtml"])), "damaged"),
    "spine-unknown": (lambda: epub({"1.xhtml": PAGE}, opf(["1.xhtml"], spine=["nobody"] * 10_000)), ""),
    "spine-up": (lambda: epub({"1.xhtml": PAGE}, opf(["../../../../etc/passwd"])), "damaged"),
    "spine-url": (lambda: epub({"1.xhtml": PAGE}, opf(["http://127.0.0.1:1/x.xhtml"])), "damaged"),
    "spine-names-package": (lambda: epub({"1.xhtml": PAGE}, opf(["p.opf", "1.xhtml"])), ""),
    "container-up": (
        lambda: epub({"1.xhtml": PAGE}, container=CONTAINER.replace("p.opf", "../../etc/passwd")),
        "damaged",
    ),
    "container-self": (
        lambda: epub({"1.xhtml": PAGE}, container=CONTAINER.replace("p.opf", "META-INF/container.xml")),
        "no_text",
    ),
    "container-text": (lambda: epub({"1.xhtml": PAGE}, container="this is no XML"), "damaged"),
    "container-none": (lambda: epub({"1.xhtml": PAGE}, container=" "), "damaged"),
    "metadata-flood": (lambda: epub({"1.xhtml": PAGE}, opf(["1.xhtml"], "<dc:creator>a</dc:creator>" * 50_000)), ""),
    "metadata-nested": (
        lambda: epub({"1.xhtml": PAGE}, opf(["1.xhtml"], "<dc:title>" * 250 + "t" + "</dc:title>" * 250)),
        "",
    ),
    "metadata-hostile": (
        lambda: epub(
            {"1.xhtml": PAGE},
            opf(
                ["1.xhtml"],
                METADATA,
            ),
        ),
        "",
    ),
    "rights-management": (
        lambda: epub({"1.xhtml": PAGE, "META-INF/encryption.xml": ENCRYPTION.format("http://x/drm")}, opf(["1.xhtml"])),
        "encrypted",
    ),
    "rights-flood": (
        lambda: epub({"1.xhtml": PAGE, "META-INF/encryption.xml": "<a>" * 300}, opf(["1.xhtml"])),
        "damaged",
    ),
    "text-flood": (
        lambda: epub({f"{n}.xhtml": PAGE.replace("</p>", "x " * (3 << 20) + "</p>") for n in range(6)}),
        "too_large",
    ),
}
HEAD = (
    "The Project Gutenberg eBook of Tides, by Nobody\n\nTitle: Tides\n\nLanguage: English\n\n"
    "*** START OF THIS PROJECT GUTENBERG EBOOK TIDES ***\n\n"
)
FOOT = "\n\n*** END OF THIS PROJECT GUTENBERG EBOOK TIDES ***\n"
BODY = f"{STORY}\n\n" * 12
TRAPS = {
    "plain": (BODY, ""),
    "starts": ("*** START OF THIS PROJECT GUTENBERG EBOOK\n" * 50_000 + BODY, ""),
    "ends": (BODY + "*** END OF THIS PROJECT GUTENBERG EBOOK\n" * 50_000, ""),
    "stars": ("*" * 3_000_000 + "\n" + BODY, "no_text"),
    "stars-spaced": ("* " * 1_500_000 + "\n" + BODY, "no_text"),
    "stars-at-end": (BODY + "\n" + "* " * 500_000 + "x", "not_a_book"),
    "rules-at-end": (BODY + ("\n" + "-" * 4) * 200_000 + "x", "not_a_book"),
    "brackets": ("[" * 500_000 + BODY, "no_text"),
    "bracket-notes": ("[Transcriber's note: " * 100_000 + BODY, ""),
    "bracket-pages": ("[Pg iiiii" * 200_000 + BODY, ""),
    "illustrations": ("[Illustration]\n" * 200_000 + BODY, ""),
    "blank-lines": ("\n" * 3_000_000 + BODY, ""),
    "spaces": (" " * 5_000_000 + "\n" + BODY, ""),
    "credits": ("Produced by " + "a b " * 500_000 + "\n\n" + BODY, ""),
    "small-print": ("*START*THE SMALL PRINT!**\n" * 50_000 + BODY, ""),
    "title-flood": ("Project Gutenberg " * 200_000 + "\n" + BODY, ""),
    "dates": ("January 1, 1999 " * 100_000 + BODY, "not_a_book"),
    "at-signs": ("produced by a@" * 100_000 + BODY, ""),
}

CASES = [
    *(Case("books", f"xml-{what}.epub", make, int(rule == ""), rule) for what, (make, rule) in BOOKS.items()),
    *(
        Case(
            "books",
            f"gutenberg-{what}.txt",
            lambda body=body: (HEAD + body + FOOT).encode(),
            int(rule == ""),
            rule or "",
        )
        for what, (body, rule) in TRAPS.items()
    ),
    Case(
        "books",
        "gutenberg-header-flood.txt",
        lambda: (HEAD.replace("Title: Tides", "Title: a\n b\n" * 100_000) + BODY + FOOT).encode(),
        1,
    ),
    Case("books", "gutenberg-no-end.txt", (HEAD + BODY).encode(), 0, "truncated"),
    Case("books", "gutenberg-end-first.txt", (FOOT + BODY + HEAD).encode(), 0, "no_text"),
]
