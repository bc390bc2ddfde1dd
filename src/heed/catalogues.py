"""Catalogues of the words that translators see. ``./heed messages`` writes them; a test and ``./heed check`` compare.

Extraction and compilation are Babel's: neither xgettext nor msgfmt is on a bare system. A catalogue names files without
lines, in the order of the words, so that it changes only when words do.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any  # What Babel hands to an extractor has no types.

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).parent
LOCALE = PACKAGE / "locale"
TEMPLATE = LOCALE / "django.pot"
# What is ready for translators: the pages of recipients. The console's pages follow when their words have settled.
METHODS = [("public/**.py", "python"), ("templates/public/**.html", "heed.catalogues:extract_template")]
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def extract_template(file: IO[bytes], keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Babel's extractor for Django's templates: as Python, in which all but the words is blanked out."""
    blanked = templatize(file.read().decode())
    # What is left between the words is rows of X, whose indentation Python would mind.
    unindented = "\n".join(line.lstrip() for line in blanked.split("\n"))
    yield from extract_python(io.BytesIO(unindented.encode()), keywords, comment_tags, options)


def extracted() -> Catalog:
    catalog = Catalog(project="Heed", charset="utf-8")
    found = extract_from_dir(
        PACKAGE, METHODS, keywords=KEYWORDS, comment_tags=("Translators",), directory_filter=lambda _: True
    )
    for name, _, message, comments, context in found:
        catalog.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return catalog


def files() -> dict[Path, bytes]:
    """What each catalogue must hold: the template, and every language updated from it and compiled."""
    if not settings.configured:  # Django's lexer of templates wants some.
        settings.configure()
    new = extracted()
    written = {TEMPLATE: _text(new)}
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        language = read_po(io.BytesIO(path.read_bytes()), locale=path.parts[-3])
        language.update(new)
        _head(language)
        compiled = io.BytesIO()
        write_mo(compiled, language)
        written |= {path: _text(language), path.with_suffix(".mo"): compiled.getvalue()}
    return written


def _head(language: Catalog) -> None:
    """A header that is the same at every run: no dates, no names."""
    language.creation_date = language.revision_date = UNDATED
    language.project, language.version = "Heed", ""
    language.last_translator = language.language_team = language.msgid_bugs_address = "Heed"
    language.header_comment, language.fuzzy = "", False


def _text(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalog, sort_output=True, include_lineno=False, omit_header=catalog.locale is None, width=100)
    return out.getvalue()


def stale() -> list[Path]:
    return [path for path, content in files().items() if not path.exists() or path.read_bytes() != content]


def main(arguments: list[str]) -> None:
    changed = stale()
    if "--check" in arguments:
        if changed:
            sys.exit(f"Catalogues are stale: {', '.join(path.name for path in changed)}. Run: ./heed messages")
        return
    new = files()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(new[path])


if __name__ == "__main__":
    main(sys.argv[1:])
