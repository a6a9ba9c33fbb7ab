"""Small well-formed inputs of every kind, for cases to spoil."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence

STORY = (
    "The ferry left the island at six in the morning, and the keeper of the tide tables was not on it. He had meant to "
    "go. His bag stood packed by the door, and the letter to his sister lay on the table with its stamp. But the wind "
    "had turned in the night, and a man who has written down the sea for thirty years does not leave when it does "
    "something new. So he stayed, and he counted the waves, and by noon he knew that the harbour would be dry before "
    "the week was out. "
)


def warc_record(
    block: bytes,
    url: str = "http://a.example/",
    kind: str = "response",
    content_type: str = "application/http; msgtype=response",
    length: str | None = None,
    extra: bytes = b"",
) -> bytes:
    """A WARC record, its Content-Length true unless another is given."""
    identity = hashlib.md5(url.encode("utf-8", "surrogateescape") + block[:1000], usedforsecurity=False).hexdigest()
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{identity}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"WARC-Target-URI: {url}\r\nContent-Type: {content_type}\r\n"
    ).encode("utf-8", "surrogateescape")
    said = str(len(block)) if length is None else length
    return head + extra + (f"Content-Length: {said}\r\n" if said else "").encode() + b"\r\n" + block + b"\r\n\r\n"


def response(
    body: bytes, media_type: str = "text/html", headers: Sequence[str] = (), status: str = "HTTP/1.1 200 OK"
) -> bytes:
    """An HTTP response."""
    kind = [f"Content-Type: {media_type}"] if media_type else []
    return "\r\n".join([status, *kind, *headers, "", ""]).encode("utf-8", "surrogateescape") + body


def html(text: str | bytes, head: str = "", attributes: str = "") -> bytes:
    """A page with one article."""
    text = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    top = f"<html><head><title>t</title>{head}</head><body{attributes}><article><p>".encode()
    return top + text + b"</p></article></body></html>"


def html_response(
    text: str | bytes, url: str = "http://a.example/", media_type: str = "text/html; charset=utf-8"
) -> bytes:
    """A WARC record of a page with one article."""
    return warc_record(response(html(text), media_type), url)


def page(
    body: bytes,
    url: str = "http://a.example/",
    media_type: str = "text/html; charset=utf-8",
    headers: Sequence[str] = (),
) -> bytes:
    """A WARC record of a page as it is."""
    return warc_record(response(body, media_type, headers), url)


def tar_of(members: Mapping[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar of files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def tar_header(name: bytes, size: bytes | int, kind: bytes = b"0", extra: bytes = b"", link: bytes = b"") -> bytes:
    """A tar header block with a true checksum; `size` as a number or as the field's 12 bytes, `extra` from byte 345."""
    field = b"%011o\0" % size if isinstance(size, int) else size
    block = name[:100].ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + field.ljust(12, b"\0") + b"00000000000\0"
    block += (
        b" " * 8 + kind + link[:100].ljust(100, b"\0") + b"ustar\0" + b"00" + bytes(80) + extra[:167].ljust(167, b"\0")
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def tar_member(name: bytes, content: bytes, kind: bytes = b"0") -> bytes:
    """A tar header and what follows it, filled up to whole blocks."""
    return tar_header(name, len(content), kind) + content + bytes(-len(content) % 512)


TAR_END = bytes(1024)


def zip_of(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, method)
    return packed.getvalue()


def arxiv_tar(members: Mapping[str, bytes]) -> bytes:
    """An arXiv bulk tar of members below its month's folder."""
    return tar_of({f"2401/{name}": content for name, content in members.items()})


def paper(body: str | bytes, preamble: str = "") -> bytes:
    """A LaTeX document."""
    body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    top = f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n\\title{{A paper}}\n\\maketitle\n".encode()
    return top + body + b"\n\\end{document}\n"


CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def opf(pages: Sequence[str], metadata: str = "<dc:title>A book</dc:title>", spine: Sequence[str] = ()) -> str:
    """A package file whose reading order names pages, or ids where `spine` says so."""
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(pages)
    )
    order = "".join(f'<itemref idref="{name}"/>' for name in spine or [f"i{n}" for n in range(len(pages))])
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{metadata}</metadata><manifest>{items}</manifest>'
        f"<spine>{order}</spine></package>"
    )


def xhtml(text: str) -> str:
    """A page of a book."""
    return f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body><p>{text}</p></body></html>'


def epub(members: Mapping[str, str | bytes], package: str = "", container: str = CONTAINER) -> bytes:
    """An EPUB of `members`; the package names all of them in their order unless another is given."""
    files = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": container.encode(),
        "p.opf": (package or opf(list(members))).encode(),
    }
    files |= {name: text.encode() if isinstance(text, str) else text for name, text in members.items()}
    return zip_of({name: text for name, text in files.items() if text})
