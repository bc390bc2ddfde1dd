"""The opt-out page in every language: chosen by the browser, switched by the address, complete, and small."""

from __future__ import annotations

import html
import re
from functools import cache

import pytest
from babel.messages.pofile import read_po
from django.contrib.staticfiles import finders
from django.db import OperationalError, connection
from django.test import Client
from people import ANNA

from heed import catalogues
from heed.core import accounts, links, outbound
from heed.core.models import Consent
from heed.core.outbound import Draft
from heed.public import languages, opt_out

ANNAS = "+447700900501"
OTHERS = [code for code in languages.LANGUAGES if code != languages.DEFAULT]
MOST_BYTES = 30_000


@pytest.fixture(autouse=True)
def _fresh_limit():
    opt_out.limit.forget()


@pytest.fixture
def phone():
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR", "pt"),
        ("zh-CN,zh;q=0.9", "zh-hans"),
        ("zh-TW", "zh-hans"),
        ("ar-EG", "ar"),
        ("sv, pl;q=0.7, en;q=0.5", "pl"),
        ("sv, *;q=0.5", "en"),
        ("", "en"),
        ("nonsense;;q=x", "en"),
        ("x" * 5000, "en"),
        ("fr;q=0, it", "it"),
    ],
)
def test_the_browser_chooses(world, phone, asked, language):
    page = phone.get(f"/{world.account.link_code}", headers={"accept-language": asked})
    assert f'<html lang="{language}"' in page.content.decode()
    assert page["Content-Language"] == language
    assert "Accept-Language" in page["Vary"]


def test_the_address_switches_and_the_form_keeps_it(world, phone):
    path, german = f"/{world.account.link_code}", {"accept-language": "de"}
    page = phone.get(f"{path}?lang=fr", headers=german)
    text = page.content.decode()
    assert '<html lang="fr"' in text
    assert not re.search(r"<form[^>]* action=", text)  # so that it posts to this address, language and all
    assert 'href="?lang=es"' in text
    page = phone.post(f"{path}?lang=fr", {"phone": "12"}, headers=german)
    assert "Veuillez" in page.content.decode()
    page = phone.post(f"{path}?lang=fr", {"phone": ANNAS}, headers=german)
    assert "Vous ne recevrez plus de SMS de Acme" in page.content.decode()
    assert not page.cookies
    assert '<html lang="de"' in phone.get(f"{path}?lang=xx", headers=german).content.decode()


def test_a_forwarded_personal_link_keeps_it_too(world, phone):
    [sent] = outbound.queue(world.number, [Draft(ANNA, ANNAS, "Hello")], door="api", actor="test")
    path = links.personal(world.account, sent.id).removeprefix("http://testserver")
    text = phone.get(f"{path}?lang=pl").content.decode()
    assert f'href="/{world.account.link_code}?lang=pl"' in text
    assert f'href="/{world.account.link_code}"' in phone.get(path).content.decode()


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_is_complete(code):
    for message in _catalogue(code):
        if message.id:
            assert message.string, message.id
            assert "fuzzy" not in message.flags, message.id
            assert message.string != message.id
            for marks in (r"%\(\w+\)s", r"</?\w+>", r"STOP|START"):
                assert sorted(re.findall(marks, message.string)) == sorted(re.findall(marks, message.id)), message.id


@pytest.mark.parametrize("code", OTHERS)
def test_every_page_is_whole_in_its_language(world, phone, code):
    for name, text in _pages(world, phone, code).items():
        assert f'<html lang="{code}"' in text, name
        assert ('dir="rtl"' in text.partition("<head>")[0]) == (code == "ar")
        for english in _english():
            assert english not in html.unescape(text), (name, english)


def test_in_english_the_same_pages_say_everything(world, phone):
    """Else the test above would look for words that no page has."""
    said = html.unescape("".join(_pages(world, phone, "en").values()))
    unsaid = [words for words in _english() if words not in said]
    assert unsaid == ["Please write this number with + and its country code."]  # no account is without a country


def test_a_name_does_not_turn_the_words_around_it(world, phone):
    assert "\u2068Acme\u2069" in phone.get(f"/{world.account.link_code}?lang=ar").content.decode()
    assert "\u2068" not in phone.get(f"/{world.account.link_code}?lang=fr").content.decode()


@pytest.mark.parametrize("code", languages.LANGUAGES)
def test_a_page_and_all_that_it_needs_is_small(world, phone, code):
    accounts.change_colours(world.account, "#005f60", "#ffffff", actor="test")
    for name, text in _pages(world, phone, code).items():
        needed = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="(/[^"]+)"', text)
        sizes = [len(text.encode()), *(_size(phone, path) for path in needed)]
        assert sum(sizes) < MOST_BYTES, (name, sizes)


def _size(phone: Client, path: str) -> int:
    if path.startswith("/static/"):
        with open(str(finders.find(path.removeprefix("/static/"))), "rb") as file:
            return len(file.read())
    return len(phone.get(path).content)


def _pages(world, phone, code: str) -> dict[str, str]:
    """Every page that a recipient may meet."""
    [sent] = outbound.queue(world.number, [Draft(ANNA, ANNAS, "Hello")], door="api", actor="test")
    personal = links.personal(world.account, sent.id).removeprefix("http://testserver")
    path = f"/{world.account.link_code}?lang={code}"
    pages = {
        "form": phone.get(path),
        "personal": phone.get(f"{personal}?lang={code}"),
        "unknown": phone.get(f"/zzzzz?lang={code}"),
        **{typed: phone.post(path, {"phone": typed}) for typed in ("", "stop", "12345", "12", "9" * 20)},
        "several": phone.post(path, {"phone": ["+447700900501", "+447700900502"]}),
        "unreadable": phone.post(path, b"", content_type="text/plain"),
        "done": phone.post(path, {"phone": ANNAS}),
    }
    with connection.execute_wrapper(_refuse):
        pages["unavailable"] = phone.get(path)
    asked = [phone.post(path, {"phone": f"+4477009006{one:02}"}) for one in range(opt_out.limit.posts + 1)]
    assert Consent.objects.exists()
    return {name: page.content.decode() for name, page in {**pages, "confirm": asked[-1]}.items()}


def _refuse(*_: object) -> None:
    raise OperationalError("database is locked")


@cache
def _catalogue(code: str):
    language, _, script = code.partition("-")
    folder = f"{language}_{script.title()}" if script else language
    with open(catalogues.LOCALE / folder / "LC_MESSAGES" / "django.po", "rb") as file:
        return read_po(file, locale=folder)


@cache
def _english() -> list[str]:
    """The longest piece of each English text that has no place in it."""
    with open(catalogues.TEMPLATE, "rb") as file:
        texts = [message.id for message in read_po(file) if message.id]
    pieces = [max(re.split(r"%\(\w+\)s|</?\w+>", text), key=len).strip() for text in texts]
    return [piece for piece in pieces if len(piece) > 3]


# Colours


def test_an_account_has_colours_of_its_own(world, phone):
    plain = phone.get(f"/{world.account.link_code}").content.decode()
    assert "/colours/" not in plain
    accounts.change_colours(world.account, "#005F60", "#fff", actor="test")
    [path] = re.findall(r'href="(/colours/[^"]+)"', phone.get(f"/{world.account.link_code}").content.decode())
    sheet = phone.get(path)
    assert sheet["Content-Type"] == "text/css"
    assert sheet.content.decode() == ":root { --ground: #005f60; --on-ground: #ffffff; }\n"
    assert "immutable" in sheet["Cache-Control"]
    assert not sheet.cookies
    assert "/colours/" not in phone.get(f"/{world.other.link_code}").content.decode()


@pytest.mark.parametrize("name", ["005f60", "005f60-fff", "005f60-fffffg", "005F60-ffffff", "005f60-ffffff;}a{"])
def test_no_other_style_comes_from_an_address(db, phone, name):
    assert phone.get(f"/colours/{name}.css").status_code == 404
