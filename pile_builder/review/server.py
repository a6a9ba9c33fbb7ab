"""The review page's server: this machine only, one token, and nothing of the corpus ever markup, path or command.

A web page elsewhere could send requests here, so each one must know the token that is part of the printed URL, name
this machine as its Host (against DNS rebinding) and, if it says where it comes from, come from the page itself.
"""

from __future__ import annotations

import hmac
import re
import secrets
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, cast

import orjson

from pile_builder.errors import PileError
from pile_builder.review.draw import Drawn
from pile_builder.review.labels import COMMENT_CHARACTERS, Decision, Labels, now
from pile_builder.review.texts import SHOWN, GoneError, Texts

ADDRESS = "127.0.0.1"
_LARGEST_POST = 1 << 16
_JSON = "application/json"


class ReviewServer(ThreadingHTTPServer):
    """Serves the drawn documents to one reviewer and saves what is decided.

    Attributes:
        url: of the page, with the token.
    """

    daemon_threads = True

    def __init__(
        self,
        name: str,
        drawn: Sequence[Drawn],
        texts: Texts,
        decisions: Labels,
        labels: Sequence[str],
        by: str,
        seed: int,
        port: int = 0,
    ) -> None:
        """Listen at a port, 0 for any that is free.

        Raises:
            PileError: the port is taken.
        """
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            msg = f"--port: expected a free port, {port} can't be had ({error.strerror}); 0 takes any that is free"
            raise PileError(msg) from error
        self.name, self.drawn, self.texts, self.decisions = name, drawn, texts, decisions
        self.labels, self.by, self.seed = tuple(labels), by, seed
        self.token = secrets.token_urlsafe(24)
        # Browsers leave out the port that http has unless another is said.
        end = "" if self.server_port == 80 else f":{self.server_port}"
        self.hosts = tuple(f"{host}{end}" for host in (ADDRESS, "localhost"))
        self.url = f"http://{self.hosts[0]}/{self.token}/"
        self.sources = {one.identity: one.source for one in drawn}
        self.page = resources.files("pile_builder.review").joinpath("page.html").read_bytes()
        self.policy = content_policy(self.page)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that went away before it had its answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def state(self) -> dict[str, Any]:
        """What the page starts from: the documents in order, and what this reviewer has said of each."""
        said = self.decisions.of(self.by)
        documents: list[dict[str, str | None]] = []
        for one in self.drawn:
            known = said.get(one.identity)
            about = {"label": known.label, "comment": known.comment} if known else {}
            documents.append({"id": one.identity, "source": one.source, **about})
        return {"name": self.name, "by": self.by, "labels": self.labels, "shown": SHOWN, "documents": documents}

    def document(self, number: int) -> dict[str, Any]:
        """One document, by its place in the order.

        Raises:
            GoneError: it can't be shown any more.
        """
        one = self.drawn[number]
        return {"id": one.identity, "source": one.source, **asdict(self.texts.read(one))}

    def decide(self, sent: Any) -> Decision:
        """Save a decision {"id", "label", "comment"}.

        Raises:
            ValueError: it is not of this shape, or about none of the drawn documents.
        """
        if not isinstance(sent, dict) or sent.keys() != {"id", "label", "comment"}:
            raise ValueError("expected an object with id, label and comment")
        identity, label, comment = sent["id"], sent["label"], sent["comment"]
        if not isinstance(identity, str) or identity not in self.sources:
            raise ValueError("id: expected one of the drawn documents")
        # A label given under other --labels may come back by undoing.
        if label is not None and label not in self.labels and not self._was_given(identity, label):
            raise ValueError(f"label: expected null or one of {', '.join(self.labels)}")
        if not isinstance(comment, str) or len(comment) > COMMENT_CHARACTERS:
            raise ValueError(f"comment: expected text of at most {COMMENT_CHARACTERS} characters")
        decision = Decision(identity, self.sources[identity], label, comment, self.by, now(), self.seed)
        self.decisions.add(decision)
        return decision

    def _was_given(self, identity: str, label: Any) -> bool:
        return any((one.id, one.label, one.by) == (identity, label, self.by) for one in self.decisions.history)


def content_policy(page: bytes) -> str:
    """A policy that runs the page's own script and style, known by digest, and nothing else."""
    allowed = {}
    for tag in ("script", "style"):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), page, re.DOTALL)
        allowed[tag] = " ".join(f"'sha256-{b64encode(sha256(text).digest()).decode()}'" for text in inside)
    return (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def _review(self) -> ReviewServer:
        return cast("ReviewServer", self.server)

    def do_GET(self) -> None:
        """The page, its state, or a document."""
        path = self._allowed_path(is_post=False)
        if path is None:
            return
        number = re.fullmatch(r"documents/(\d{1,9})", path)
        if path == "":
            self._send(200, self._review.page, "text/html; charset=utf-8")
        elif path == "state":
            self._send_json(200, self._review.state())
        elif number and int(number[1]) < len(self._review.drawn):
            try:
                self._send_json(200, self._review.document(int(number[1])))
            except GoneError as error:
                self._refuse(410, str(error))
        else:
            self._refuse(404, "expected the page, state or documents/NUMBER")

    def do_POST(self) -> None:
        """A decision."""
        path = self._allowed_path(is_post=True)
        if path is None:
            return
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > _LARGEST_POST:
            self._refuse(413, f"expected a Content-Length of at most {_LARGEST_POST}")
            return
        body = self.rfile.read(int(length))
        if path != "labels":
            self._refuse(404, "expected a decision for labels")
        elif self.headers.get_content_type() != _JSON:
            self._refuse(415, f"expected {_JSON}")
        else:
            try:
                self._send_json(200, asdict(self._review.decide(orjson.loads(body))))
            except ValueError as error:
                self._refuse(400, str(error))
            except OSError as error:
                self._refuse(507, f"not saved: {error}")

    def _allowed_path(self, *, is_post: bool) -> str | None:
        """The path below the token, or None when the request was refused."""
        hosts, origin = self._review.hosts, self.headers.get("Origin")
        _, token, path = [*self.path.split("/", 2), "", ""][:3]
        if not hmac.compare_digest(token.encode(), self._review.token.encode()):
            self._refuse(403, "expected the URL that `pile review` printed, with its token")
        elif self.headers.get_all("Host", []) not in [[host] for host in hosts]:
            self._refuse(403, f"Host: expected {' or '.join(hosts)}")
        elif (is_post or origin is not None) and origin not in [f"http://{host}" for host in hosts]:
            self._refuse(403, f"Origin: expected http://{hosts[0]}")
        else:
            return path
        return None

    def _refuse(self, status: int, why: str) -> None:
        # What the request still has to say is not read.
        self.close_connection = True
        self._send_json(status, {"error": why})

    def _send_json(self, status: int, data: Mapping[str, Any]) -> None:
        self._send(status, orjson.dumps(data), _JSON)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": self._review.policy,
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Nothing about the versions that run."""
        return "pile-review"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the terminal shows the URL and the table."""
