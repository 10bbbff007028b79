"""A small Hugging Face hub on the loopback: real HTTP, pinned commits, checksums, ranges, and the ways it says no.

Large files (`*.safetensors`, `*.parquet`, `*.gguf`, `*.gz`) are in LFS, as on the hub: their checksum is SHA-256, and
they are redirected to another host. The others have git's SHA-1.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from tests.serving import served

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: `GET api/models/a/b`, Range and Authorization headers, and whether to the other host."""

    line: str
    range: str
    authorization: str
    storage: bool


@dataclass
class Hub:
    """Repositories by (kind, name), `models` or `datasets`: a commit and its files. What goes wrong:

    refused: a repository's name to the HTTP status of everything in it
    failing: a file's name to a status and how many of its downloads get it (-1: all)
    failing_later: the same for all but the first of its downloads
    cut: a file's name to the bytes after which its connection closes, once
    stalls: a file's name to the bytes after which nothing more comes, once
    damaged: a file's name to how many of its downloads have a wrong byte (-1: all)
    unlisted: names that the hub states and does not have
    """

    repositories: dict[tuple[str, str], tuple[str, Files]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    failing: dict[str, tuple[int, int]] = field(default_factory=dict)
    failing_later: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    stalls: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, int] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)  # bytes of each file
    url: str = ""

    def add(self, kind: str, name: str, commit: str, files: Files) -> None:
        self.repositories[kind, name] = commit, files

    def downloads(self, file: str) -> list[Request]:
        """The requests for a file's bytes."""
        return [one for one in self.requests if one.line.startswith("GET ") and one.line.endswith(file)]


def lfs(name: str) -> bool:
    return name.endswith((".safetensors", ".parquet", ".gguf", ".gz"))


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def checksum(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if lfs(name) else git_sha1(content)


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve the hub while inside; its address is in `hub.url`."""
    with served(_Handler, hub=hub) as hub.url:
        yield hub


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the terminal quiet."""

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        storage = path.startswith("storage/")
        self.hub.requests.append(
            Request(
                f"{self.command} {path}",
                self.headers.get("Range", ""),
                self.headers.get("Authorization", ""),
                storage,
            )
        )
        kind, name, rest = self._place(path.removeprefix("storage/"))
        if (status := self.hub.refused.get(name)) is not None:
            code = {401: "GatedRepo", 403: "GatedRepo"}.get(status)
            return self._send(status, b"{}", {"X-Error-Code": code} if code else {}, body)
        if (kind, name) not in self.hub.repositories:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
        commit, files = self.hub.repositories[kind, name]
        action, _, tail = rest.partition("/")
        revision, _, file = tail.partition("/")
        if action in ("resolve", "revision", "tree") and revision not in (commit, "main"):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
        if action == "resolve":
            return self._resolve(commit, files, file, storage, body)
        if action == "tree":
            return self._json([self._entry(key, value) for key, value in files.items()], body)
        siblings = [
            {"rfilename": key, "size": len(value), "blobId": git_sha1(value), **self._entry(key, value, "sha256")}
            for key, value in files.items()
        ]
        siblings += [{"rfilename": key, "size": 7, "blobId": "0" * 40} for key in self.hub.unlisted]
        info = {"id": name, "sha": commit, "siblings": siblings, "private": False}
        return self._json({**info, "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0}, body)

    def _resolve(self, commit: str, files: Files, file: str, storage: bool, body: bool) -> None:
        if file not in files:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, body)
        content = files[file]
        about = {"ETag": f'"{checksum(file, content)}"', "X-Repo-Commit": commit}
        if lfs(file) and not storage:
            other = self.hub.url.replace("127.0.0.1", "localhost")
            about |= {"X-Linked-Etag": about["ETag"], "X-Linked-Size": str(len(content))}
            return self._send(302, b"", {**about, "Location": f"{other}/storage{self.path}"}, body)
        if not body:
            return self._send(200, content, about, body)
        status, times = self.hub.failing.get(file, (0, 0))
        if times:
            self.hub.failing[file] = status, times - 1
            return self._send(status, b"", {}, body)
        if self.hub.sent[file] and (status := self.hub.failing_later.get(file)):
            return self._send(status, b"", {}, body)
        if times := self.hub.damaged.get(file, 0):
            self.hub.damaged[file] = times - 1
            content = content[:-1] + bytes([content[-1] ^ 1])
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        part = content[start:]
        if start:
            about["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.hub.cut.pop(file, None)
        stall = self.hub.stalls.pop(file, None)
        self.hub.sent[file] += len(part) if cut is None and stall is None else cut or stall or 0
        return self._send(206 if start else 200, part, about, body, cut, stall)

    def _place(self, path: str) -> tuple[str, str, str]:
        """Kind, repository and the rest of a path of the API or of a file."""
        steps = path.removeprefix("api/").split("/")
        kind = steps.pop(0) if steps[0] in ("models", "datasets") else "models"
        return kind, "/".join(steps[:2]), "/".join(steps[2:])

    def _entry(self, name: str, content: bytes, key: str = "oid") -> dict[str, object]:
        """A file as the hub lists it."""
        entry: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content)}
        if lfs(name):
            entry["lfs"] = {key: checksum(name, content), "size": len(content), "pointerSize": 130}
        return entry

    def _json(self, value: object, body: bool) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"}, body)

    def _send(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str],
        body: bool,
        cut: int | None = None,
        stall: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[: stall if cut is None else cut])
        if cut is not None:
            self.close_connection = True
