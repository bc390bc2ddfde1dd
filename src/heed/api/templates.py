"""Templates: the texts that an account keeps. Sending by ``template_id`` takes a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any  # JSON of answers

from django.http import HttpRequest
from ninja import Field, Router, Status
from pydantic import BaseModel

from heed.api.base import both
from heed.api.errors import not_here
from heed.api.keys import account_of, actor_of, needs_sender
from heed.api.lists import Limit, Next, Time, page_of, row_id, shown, start_of, time_shown
from heed.core import templates
from heed.core.models import MessageTemplate

router = Router(tags=["Templates"])
PREFIX = "tpl"


class Template(BaseModel):
    name: str = Field(description="1 to 80 characters; no two templates have the same", examples=["Order ready"])
    message_body: str = Field(
        description="With merge fields", examples=["Hello ${firstname|there}, it is ready. ${opt_out_link}"]
    )


class Change(BaseModel):
    """What is left out stays as it is."""

    name: str = Field("", examples=["Order ready"])
    message_body: str = Field("", examples=["It is ready. ${opt_out_link}"])


class TemplateShown(Template):
    id: str = Field(examples=["tpl_0f3c9a4be1d2756880c1b5e2a7d94f36"])
    created_at: Time
    changed_at: Time


class Templates(BaseModel):
    items: list[TemplateShown]
    next: str | None


class Deleted(BaseModel):
    id: str
    status: str = Field(examples=["deleted"])


@both(router.get, "/templates", Templates, summary="The account's templates, newest first")
def list_templates(request: HttpRequest, limit: Limit = 100, next: Next = "") -> Any:
    rows = MessageTemplate.objects.filter(account=account_of(request)).order_by("-id")
    if start := start_of(next):
        rows = rows.filter(id__lt=start)
    return page_of(list(rows[: limit + 1]), limit, _shown)


@both(router.post, "/templates", TemplateShown, status=201, summary="Keep a template")
def add_template(request: HttpRequest, template: Template) -> Any:
    needs_sender(request)
    with _in_our_words():
        made = templates.create(account_of(request), template.name, template.message_body, actor=actor_of(request))
    return Status(201, _shown(made))


@both(router.get, "/templates/{template_id}", TemplateShown, summary="One template")
def show_template(request: HttpRequest, template_id: str) -> Any:
    return _shown(_found(request, template_id))


@both(router.patch, "/templates/{template_id}", TemplateShown, summary="Change a template")
def change_template(request: HttpRequest, template_id: str, change: Change) -> Any:
    """What is left out stays as it is, and so does what was sent with it or is on its way."""
    needs_sender(request)
    kept = _found(request, template_id)
    given = change.model_dump(exclude_unset=True)
    name, text = given.get("name", kept.name), given.get("message_body", kept.text)
    with _in_our_words():
        return _shown(templates.change(account_of(request), kept.id, name, text, actor=actor_of(request)))


@both(router.delete, "/templates/{template_id}", Deleted, summary="Delete a template")
def delete_template(request: HttpRequest, template_id: str) -> Any:
    needs_sender(request)
    templates.delete(account_of(request), _found(request, template_id).id, actor=actor_of(request))
    return {"id": template_id, "status": "deleted"}


@contextmanager
def _in_our_words() -> Iterator[None]:
    """A refusal names the field as requests do."""
    try:
        yield
    except templates.Refused as error:
        error.field = "message_body" if error.field == "text" else error.field
        raise


def _found(request: HttpRequest, template_id: str) -> MessageTemplate:
    found = templates.find(account_of(request), row_id(PREFIX, template_id))
    if found is None:
        raise not_here()
    return found


def _shown(kept: MessageTemplate) -> dict[str, Any]:
    return {
        "id": shown(PREFIX, kept.id),
        "name": kept.name,
        "message_body": kept.text,
        "created_at": time_shown(kept.created_at),
        "changed_at": time_shown(kept.changed_at),
    }
