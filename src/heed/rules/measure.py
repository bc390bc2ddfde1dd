"""How well texts are read: labelled texts in, counts and misses out. A text that wants out must be acted on or queued."""

from __future__ import annotations

from collections.abc import Iterable
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
