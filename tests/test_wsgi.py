"""What is refused before Django has read anything of it."""

from __future__ import annotations

import io

import pytest

from heed.wsgi import MOST_FORM_BYTES, application


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("It was read.")


@pytest.mark.parametrize("path", ["/send/", "/campaigns/", "/abcde"])
def test_a_form_over_the_bound_is_refused_unread(path: str) -> None:
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(MOST_FORM_BYTES + 1),
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "wsgi.input": Unread(),
    }
    body = b"".join(application(environ, lambda status, headers: said.append(status)))
    assert (said, body[:20]) == (["413 Content Too Large"], b"This is over 100 MB.")
