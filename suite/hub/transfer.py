"""One file over the network, going on where an earlier attempt, or an earlier run, was cut."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub.file_download import hf_hub_url, http_get
from huggingface_hub.utils import build_hf_headers, disable_progress_bars, logging  # type: ignore[attr-defined]

from suite.hub.retry import Watch, retried

if TYPE_CHECKING:
    from suite.hub.repository import HubFile, Repository

disable_progress_bars()  # the terminal is the command line's own
logging.set_verbosity_error()


class _Counted(io.FileIO):
    """A file to append to, that tells how it grows. Unbuffered: what has come is on disk when the process dies."""

    def __init__(self, path: Path, watch: Watch) -> None:
        super().__init__(path, "ab")
        self.watch = watch

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        written = 0
        while written < len(view):
            written += super().write(view[written:]) or 0
        self.watch.fetched(written)
        return written

    def truncate(self, size: int | None = None) -> int:
        size = self.tell() if size is None else size
        self.watch.lost(self.seek(0, io.SEEK_END) - size)
        super().truncate(size)
        return self.seek(size)


def transfer(repository: Repository, file: HubFile, part: Path, watch: Watch) -> None:
    """Append to `part` what it lacks of the file. Its bytes are not checked here.

    huggingface_hub keeps nothing of a download that was cut with its process, and shards have gigabytes: hence the
    part of our own, filled by its `http_get`.

    Raises:
        HfHubHTTPError, httpx.HTTPError, OSError: after the last retry.
    """
    url = hf_hub_url(repository.name, file.name, repo_type=repository.kind, revision=repository.revision)
    with _Counted(part, watch) as target:
        watch.found(target.seek(0, io.SEEK_END))

        def go_on() -> None:
            if target.seek(0, io.SEEK_END) > file.size:
                target.truncate(0)
            http_get(
                url,
                target,
                resume_size=target.tell(),
                headers={**build_hf_headers(), "Accept-Encoding": "identity"},  # ranges count the file's own bytes
                expected_size=file.size,
            )

        retried(go_on, watch, target.tell)
