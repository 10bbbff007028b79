"""A small Hugging Face hub on the loopback: real HTTP, pinned revisions, and the ways the real one says no."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class Hub:
    """Repositories by (kind, name), `models` or `datasets`: a commit and its files. `refused`: name to HTTP status."""

    repositories: dict[tuple[str, str], tuple[str, Files]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, kind: str, name: str, commit: str, files: Files) -> None:
        self.repositories[kind, name] = commit, files


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve the hub while inside; its address is in `hub.url`."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        wanted = self.rfile.read(length).decode()
        self._answer(body=True, posted=wanted)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the terminal quiet."""

    def _answer(self, body: bool, posted: str = "") -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.requests.append(f"{self.command} {path}")
        kind, name, rest = self._place(path)
        if (status := self.hub.refused.get(name)) is not None:
            gated = {"X-Error-Code": "GatedRepo"} if status in (401, 403) else {}
            return self._send(status, b"{}", {**gated, "X-Error-Message": "refused"}, body)
        if (kind, name) not in self.hub.repositories:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
        commit, files = self.hub.repositories[kind, name]
        action, _, tail = rest.partition("/")
        revision, _, file = tail.partition("/")
        if action in ("resolve", "revision", "tree", "paths-info") and revision not in (commit, "main"):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
        if action == "resolve":
            if file not in files:
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, body)
            etag = hashlib.sha256(files[file]).hexdigest()
            return self._send(200, files[file], {"ETag": f'"{etag}"', "X-Repo-Commit": commit}, body)
        entries = [
            {"type": "file", "path": key, "size": len(value), "oid": hashlib.sha1(value).hexdigest()}
            for key, value in files.items()
        ]
        if action == "tree":
            return self._json(_children(entries, file) if "recursive=false" in self.path else entries, body)
        if action == "paths-info":
            return self._json([e for e in entries if e["path"] in posted], body)
        info = {"id": name, "sha": commit, "siblings": [{"rfilename": key} for key in files], "private": False}
        return self._json({**info, "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0}, body)

    def _place(self, path: str) -> tuple[str, str, str]:
        """Kind, repository and the rest of a path of the API or of a file."""
        steps = path.removeprefix("api/").split("/")
        kind = steps.pop(0) if steps[0] in ("models", "datasets") else "models"
        return kind, "/".join(steps[:2]), "/".join(steps[2:])

    def _json(self, value: object, body: bool) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"}, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


def _children(entries: list[dict[str, object]], folder: str) -> list[dict[str, object]]:
    """The files and folders directly in a folder."""
    found: dict[str, dict[str, object]] = {}
    prefix = f"{folder}/" if folder else ""
    for entry in entries:
        path = str(entry["path"])
        if path.startswith(prefix):
            first, slash, _ = path.removeprefix(prefix).partition("/")
            name = prefix + first
            found[name] = {"type": "directory", "path": name, "size": 0, "oid": "0" * 40} if slash else entry
    return list(found.values())
