"""Catalogues: up to date, complete, and of use to Django."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

import pytest
from babel.messages.extract import extract

from heed import catalogues


def test_no_catalogue_is_stale() -> None:
    assert [path.name for path in catalogues.stale()] == [], "run ./heed messages"


@pytest.mark.parametrize(
    ("template", "messages"),
    [
        ('{% translate "Stop" %}', ["Stop"]),
        ('  <p>{% trans "One" %}</p>\n {% trans \'Two\' as two %}"', ["One", "Two"]),
        ('{% translate "May" context "month" %}', ["May"]),
        ("{% blocktranslate with a=b.c %}Hello {{ a }}{% endblocktranslate %}", ["Hello %(a)s"]),
        ("{% blocktranslate trimmed %}\n  Two\n  lines\n{% endblocktranslate %}", ["Two lines"]),
        ("{% blocktranslate count n=n %}One{% plural %}{{ n }}{% endblocktranslate %}", [("One", "%(n)s")]),
        ('<a title="{{ _("Title") }}">it\'s "quoted"</a>', ["Title"]),
        ("<p>Not translated</p>{{ value }}", []),
    ],
)
def test_what_a_template_translates_is_found(template: str, messages: list[object]) -> None:
    found = extract(catalogues.extract_template, io.BytesIO(template.encode()), catalogues.KEYWORDS | {"_": None})
    assert [message for _, message, _, _ in found] == messages


def test_a_language_is_updated_and_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text('msgid ""\nmsgstr ""\n\nmsgid "Done"\nmsgstr "Fertig"\n')
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    assert folder / "django.mo" in catalogues.stale()
    catalogues.main([])
    assert catalogues.stale() == []
    assert gettext.translation("django", tmp_path, ["de"]).gettext("Done") == "Fertig"
    assert 'msgid "Stop the messages"' in (folder / "django.po").read_text()
