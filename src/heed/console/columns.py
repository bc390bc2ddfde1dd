"""How an uploaded file is read: which column holds the numbers, of which country, and what the others fill."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from heed.console import countries, ids
from heed.console.access import ConsoleRequest
from heed.core import files, uploads
from heed.core.models import StoredFile
from heed.core.uploads import Column, Mapping, Refused
from heed.rules.merging import OPT_OUT_LINK, Template
from heed.rules.texts import clean

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One column of the form: ``field`` is the merge field that it fills, as it was found or typed."""

    column: Column
    field: str


@dataclass(frozen=True, slots=True)
class Need:
    """A merge field of the message, and the column that fills it, "" for none."""

    name: str
    column: str
    has_default: bool


def store(request: ConsoleRequest) -> StoredFile:
    """The file that was uploaded with this form. Raises Refused."""
    given = request.FILES.get("file")
    if given is None:
        raise Refused(_("Choose a file."))
    return uploads.store(request.account, given.name or "file", given.chunks(), actor=request.actor)


def file_of(request: ConsoleRequest, public_id: str) -> StoredFile:
    file = uploads.find(request.account, ids.row(ids.FILE, public_id))
    if file is None:
        raise Http404("There is no such file.")
    return file


def read(request: ConsoleRequest, file: StoredFile) -> Mapping:
    """The mapping that the form names. Raises Refused."""
    data = {name: clean(str(value)) for name, value in request.POST.items()}
    phone = data.get("phone", "")[:6]
    fields = {}
    for column in uploads.look(file).columns:
        if str(column.place) != phone and (name := data.get(f"field_{column.place}", "").strip()):
            fields[column.place] = name
    mapping = Mapping(
        int(phone) if phone.isdecimal() else -1, data.get("country", ""), bool(data.get("header")), fields
    )
    return uploads.check(file, mapping)


def shown(request: ConsoleRequest, file: StoredFile, text: str = "") -> dict[str, object]:
    """What the form shows: as it was sent, or as the file was found. ``text`` is the message that it is for."""
    look = uploads.look(file)
    is_sent = request.method == "POST"
    data = request.POST if is_sent else {}
    choices = [
        Choice(column, clean(data.get(f"field_{column.place}", "")) if is_sent else column.key)
        for column in look.columns
    ]
    found = str(look.phone) if look.phone is not None else ""
    return {
        "file": file,
        "look": look,
        "choices": choices,
        "phone": clean(data.get("phone", "")) if is_sent else found,
        "country": clean(data.get("country", "")) if is_sent else look.country,
        "has_header": bool(data.get("header")) if is_sent else look.has_header,
        "countries": countries.choices(),
        "needs": _needs(text, choices, look.phone),
    }


def download(file: StoredFile, name: str) -> StreamingHttpResponse:
    """``file`` as the browser saves it, a chunk at a time."""
    return StreamingHttpResponse(
        files.chunks(file),
        content_type=TYPES["xlsx" if name.endswith(".xlsx") else "csv"],
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or ""},
    )


def _needs(text: str, choices: list[Choice], phone: int | None) -> list[Need]:
    by_key = {choice.column.key: choice.column.name for choice in choices if choice.column.place != phone}
    fields = {field.key: field for field in Template.of(text).fields if field.key != OPT_OUT_LINK}
    return [Need(field.name, by_key.get(key, ""), field.default is not None) for key, field in fields.items()]
