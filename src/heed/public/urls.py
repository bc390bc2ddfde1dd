"""Where an opt-out link leads: five letters at the root, and behind them thirteen more if it is a personal one."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from heed.public import colours, opt_out

# Phones take the full stop that ends a sentence into the link, and some people type a slash.
_LINK = r"^(?P<link_code>[A-Za-z]{5})(?:/(?P<personal_code>[A-Za-z]{13}))?[.,;:!)]*/?$"

_COLOURS = r"^colours/(?P<colour>[0-9a-f]{6})-(?P<text_colour>[0-9a-f]{6})\.css$"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(_COLOURS, colours.sheet, name="opt_out_colours"),
    re_path(_LINK, opt_out.form, name="opt_out_link"),
]
