"""A small package index on the loopback: the pages of PEP 503 over real HTTP, and wheels that are made here."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.serving import served


@dataclass
class Index:
    """Files of projects. What goes wrong:

    failing: a file's name to how many of its downloads get status 500 (-1: all)
    stalls: names of files of which the second half comes only after `go_on`
    """

    projects: dict[str, dict[str, bytes]] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)
    stalls: set[str] = field(default_factory=set)
    go_on: threading.Event = field(default_factory=threading.Event)
    sent: Counter[str] = field(default_factory=Counter)  # downloads of each file
    requests: int = 0
    url: str = ""

    def add(self, project: str, version: str, files: dict[str, bytes]) -> str:
        """Give the index a wheel with these files; returns its name."""
        name = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
        self.projects.setdefault(project, {})[name] = wheel(project, version, files)
        return name


def wheel(project: str, version: str, files: dict[str, bytes]) -> bytes:
    folder = f"{project.replace('-', '_')}-{version}.dist-info"
    about = {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: a-test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{folder}/RECORD": b"",
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, **about}.items():
            archive.writestr(name, content)
    return sink.getvalue()


@contextmanager
def serve(index: Index) -> Iterator[Index]:
    """Serve the index while inside; what pip is given as PIP_INDEX_URL is in `index.url`."""
    with served(_Handler, index=index) as address:
        index.url = f"{address}/simple"
        yield index


class _Handler(BaseHTTPRequestHandler):
    index: Index

    def do_GET(self) -> None:
        self.index.requests += 1
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "simple" and rest in self.index.projects:
            links = [
                f'<a href="/files/{rest}/{name}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a><br>'
                for name, content in self.index.projects[rest].items()
            ]
            return self._send(200, f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html")
        project, _, name = rest.partition("/")
        if kind != "files" or name not in self.index.projects.get(project, {}):
            return self._send(404, b"", "text/plain")
        if times := self.index.failing.get(name, 0):
            self.index.failing[name] = times - 1
            return self._send(500, b"", "text/plain")
        self.index.sent[name] += 1
        content = self.index.projects[project][name]
        return self._send(200, content, "application/octet-stream", name in self.index.stalls)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the terminal quiet."""

    def _send(self, status: int, content: bytes, kind: str, stalls: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2 if stalls else len(content)
        self.wfile.write(content[:half])
        if stalls:
            self.index.go_on.wait(20)
            with suppress(OSError):  # nobody is there any more
                self.wfile.write(content[half:])
