"""How well texts are read: labelled texts in, counts and misses out. A text that wants out must be acted on or queued."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from heed.rules.reading import read
from heed.rules.verdicts import Reading, Verdict


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and the verdict that people who know the language gave it. ``nanp`` is whether it came to a +1 number."""

    verdict: Verdict
    text: str
    nanp: bool = False


@dataclass(frozen=True, slots=True)
class Miss:
    labelled: Labelled
    reading: Reading


@dataclass(slots=True)
class Score:
    """``counts`` is by (label, verdict). What was labelled review may be acted on or left alone without harm being sure."""

    counts: dict[tuple[Verdict, Verdict], int] = field(default_factory=dict)
    misses: list[Miss] = field(default_factory=list)

    @property
    def texts(self) -> int:
        return sum(self.counts.values())

    def of(self, label: Verdict, *verdicts: Verdict) -> int:
        return sum(
            count for (one, read), count in self.counts.items() if one is label and read in (verdicts or (read,))
        )

    @property
    def acted_on(self) -> float:
        """Of the texts that want out, the share that opted out."""
        return _share(self.of(Verdict.OPT_OUT, Verdict.OPT_OUT), self.of(Verdict.OPT_OUT))

    @property
    def recall(self) -> float:
        """Of the texts that want out, the share that opted out or is held for a person."""
        return _share(self.of(Verdict.OPT_OUT, Verdict.OPT_OUT, Verdict.REVIEW), self.of(Verdict.OPT_OUT))

    @property
    def false_opt_outs(self) -> float:
        """Of the ordinary texts, the share that opted out."""
        return _share(self.of(Verdict.NONE, Verdict.OPT_OUT), self.of(Verdict.NONE))

    @property
    def needless_reviews(self) -> float:
        """Of the ordinary texts, the share that is held for a person."""
        return _share(self.of(Verdict.NONE, Verdict.REVIEW), self.of(Verdict.NONE))


class BadLabel(ValueError):
    """This line has no verdict that Heed knows."""


_ORDER = ("verdict", "text")


def labelled(lines: Iterable[str]) -> Iterator[Labelled]:
    """The texts of a tab-separated file: verdict and text, or columns named by a first line. Raises BadLabel.

    A column ``number`` may say to which number a text came, as +1… or any other.
    """
    names: Sequence[str] = ()
    for at, line in enumerate(lines, 1):
        cells = line.rstrip("\r\n").split("\t")
        if not names:
            folded = [cell.strip().casefold() for cell in cells]
            names = folded if "verdict" in folded and "text" in folded else _ORDER
            if names is folded:
                continue
        if line.strip():
            row = dict(zip(names, cells, strict=False))
            try:
                verdict = Verdict(row.get("verdict", "").strip().casefold().replace("-", "_"))
            except ValueError as error:
                raise BadLabel(f"line {at} has no verdict: {line[:60]}") from error
            yield Labelled(verdict, row.get("text", ""), row.get("number", "").strip().startswith("+1"))


def measure(texts: Iterable[Labelled]) -> Score:
    """Read ``texts`` and count."""
    score = Score()
    for one in texts:
        reading = read(one.text, nanp=one.nanp)
        key = (one.verdict, reading.verdict)
        score.counts[key] = score.counts.get(key, 0) + 1
        if one.verdict is not reading.verdict:
            score.misses.append(Miss(one, reading))
    return score


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
