"""Reading ordinary texts, one thread: verdicts against no more than folding each text and one look in a dictionary."""

from __future__ import annotations

import itertools
import time

from bench.installation import alternate, report
from heed.rules.folding import fold
from heed.rules.reading import read

TEXTS, GOAL = 20_000, 0.25
_ORDINARY = (
    "Hi, is my order ready to be picked up?",
    "Can we move tomorrow's appointment to half past three, please? Something came up at work.",
    "Thanks!",
    "ok see you then",
    "I'm at the bus stop, be there in five minutes",
    "The second parcel hasn't arrived yet. Could you look where it is and tell me when I can expect it?",
    "yes please",
    "What time do you open on Sunday",
    "My address has changed: 4 Mill Lane, flat 2",
    "Do you still have the blue one in size 40?",
    "No, the other one. The one that was in the window last week",
    "Lovely, thank you so much, that made my day :)",
    "How much is it for two adults and a child",
    "Sorry I missed your call, I was driving. Try again after six?",
    "¿A qué hora abren mañana?",
    "Je serai un peu en retard, désolé",
    "Ich komme heute etwas später, geht das?",
    "who is this",
    "Please leave it with my neighbour at number 12",
    "Can I pay by card when I collect it?",
)


def main() -> None:
    count = itertools.count()
    known = {fold(word): word for word in ("STOP", "UNSUBSCRIBE", "START", "HELP")}

    def per_second(look: object) -> float:
        # No two texts are the same, so that nothing is remembered from one to the next.
        texts = [f"{text} {next(count)}" for text, _ in zip(itertools.cycle(_ORDINARY), range(TEXTS))]
        began = time.process_time()
        for text in texts:
            look(text)  # type: ignore[operator]
        return TEXTS / (time.process_time() - began)

    mine, bare = alternate(lambda: per_second(read), lambda: per_second(lambda text: known.get(fold(text))))
    keyword, _ = alternate(lambda: _repeated("STOP"), lambda: 1.0)
    report(mine, bare, "texts/s", f">= {GOAL}", mine / bare >= GOAL, keyword_per_second=round(keyword))


def _repeated(text: str) -> float:
    began = time.process_time()
    for _ in range(TEXTS):
        read(text)
    return TEXTS / (time.process_time() - began)


if __name__ == "__main__":
    main()
