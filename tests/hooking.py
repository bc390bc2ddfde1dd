"""A carrier's call to the hook, as a server hands it to us."""

from __future__ import annotations

import io
import json
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from heed.wsgi import application


def call(body: bytes = b"", path: str = "/hooks/sandbox/tok/", **environ: object) -> tuple[int, dict[str, str]]:
    """Status and headers of one call, by the rules of WSGI, with a JSON object in an answer that says it is JSON."""
    environ |= {"PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
    } | environ
    setup_testing_defaults(environ)
    started: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        started.append((status, dict(headers)))

    answer = validator(application)(environ, start)
    content = b"".join(answer)
    answer.close()
    [(status, headers)] = started
    if headers["Content-Type"] == "application/json":
        assert isinstance(json.loads(content), dict)
    assert int(headers["Content-Length"]) == len(content)
    return int(status.split()[0]), headers
