"""Charts as SVG that the server draws: geometry alone. The template places it, the style sheet colours it.

A chart stretches to its place, so it holds bars and lines and no text; scale and labels stand around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT = 1000, 100  # of the drawing, whatever size it is shown in
GAP = 0.2  # of a bar's place
FEWEST_PLACES = 12  # a single bar across the page would look like a wall


class Series(NamedTuple):
    """``name`` is for the legend, ``look`` a class of the style sheet."""

    name: str
    look: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Piece:
    look: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One place of the chart, with its pieces from the bottom up; ``words`` is what it shows when pointed at."""

    left: str
    place: str
    x: str
    width: str
    pieces: list[Piece]
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``scale`` is the top, the middle and the bottom of it, ``ends`` what stands under its ends and its middle."""

    words: str
    bars: list[Bar]
    series: list[Series]
    scale: list[str]
    ends: list[str]

    @property
    def is_empty(self) -> bool:
        return not any(series.total for series in self.series)


def stacked(words: str, labels: Sequence[str], series: Sequence[Series]) -> Chart:
    """Bars of ``series`` one upon the other, one for each of ``labels``. ``words`` says what the chart shows."""
    every = list(zip(*(one.values for one in series), strict=True))
    top = _top(max(map(sum, every), default=0))
    place = WIDTH / max(FEWEST_PLACES, len(labels))
    bars = [
        _bar(number, place, label, series, values, top)
        for number, (label, values) in enumerate(zip(labels, every, strict=True))
    ]
    return Chart(words, bars, list(series), [f"{top:,}", f"{top // 2:,}", "0"], _ends(labels))


def _ends(labels: Sequence[str]) -> list[str]:
    if len(labels) >= FEWEST_PLACES:
        return [labels[0], labels[len(labels) // 2], labels[-1]]
    return [" – ".join(dict.fromkeys((labels[0], labels[-1])))] if labels else []


def _bar(number: int, place: float, label: str, series: Sequence[Series], values: Sequence[int], top: int) -> Bar:
    left, pieces, y = number * place, [], float(HEIGHT)
    for one, value in zip(series, values, strict=True):
        height = value * HEIGHT / top
        y -= height
        if value:
            pieces.append(Piece(one.look, _shown(y), _shown(height)))
    counts = ", ".join(f"{one.name.lower()} {value:,}" for one, value in zip(series, values, strict=True) if value)
    x, width = left + place * GAP / 2, place * (1 - GAP)
    return Bar(_shown(left), _shown(place), _shown(x), _shown(width), pieces, f"{label}: {counts or '0'}")


def _top(most: int) -> int:
    """An even number that people count in, not below ``most``."""
    step = 2
    while step < most:
        for times in (1, 2, 3, 4, 5, 10):
            if step * times >= most:
                return step * times
        step *= 10
    return step


def _shown(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
