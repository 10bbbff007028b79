"""A server of the tests on the loopback: real HTTP, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POLL = 0.01  # seconds between two looks at whether it is to end


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], **state: Any) -> Iterator[str]:
    """Serve while inside; yields the address.

    Args:
        state: what this server's handlers share, as attributes of their class.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), state))
    thread = threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
