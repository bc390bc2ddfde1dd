"""Senders: taking, changing and releasing them; their keywords; what a text to one of them means."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from heed.core import audit, refused
from heed.core.models import Account, Connection, Keyword, Message, Sender, SenderKind
from heed.rules import keywords, numbers, packs
from heed.rules.consent import ALL_SENDERS
from heed.rules.reading import read
from heed.rules.texts import clean, line
from heed.rules.verdicts import Verdict

LINGERS = timedelta(days=packs.ALIVE_DAYS)  # how long a released number and a removed keyword keep working
LEAVES_WITHIN = timedelta(days=10)  # what waits when its number is released: 7 days for its time, 3 for the carrier
FIXED_WORDS = ("STOP", "UNSUBSCRIBE")  # listed with every number, and never removed
MOST_KEYWORDS = 200


class Refused(refused.Refused):
    """This can't be done."""


def take_number(account: Account, number: int, link: Connection, *, actor: str) -> Sender:
    """Give ``account`` the number, or give it back with its opt-outs. Raises Refused when it is somebody's.

    A number that another account released is kept from everyone else for sixty days: its STOPs are still that account's.
    """
    address = numbers.show(number)
    with transaction.atomic(durable=True):
        _refuse_taken(address, account)
        level = account.new_numbers_account_level or numbers.is_nanp(number)
        sender, is_new = _open(
            account, link, SenderKind.NUMBER, address, address, numbers.region_of(number) or "", level
        )
        if is_new:
            Keyword.objects.bulk_create(Keyword(sender=sender, word=w, key=keywords.key(w)) for w in FIXED_WORDS)
        audit.note(account.id, actor, "number.buy", address)
    return sender


def add_name(account: Account, name: str, link: Connection, *, actor: str) -> Sender:
    """Give ``account`` a sender name: 1–11 letters, digits and spaces, with a letter among them (3GPP TS 23.040)."""
    name = clean(name).strip()
    fits = 1 <= len(name) <= 11 and all(char.isascii() and (char.isalnum() or char in " -&_.") for char in name)
    if not fits or not any(char.isalpha() for char in name):
        raise Refused("A sender name has 1 to 11 letters, digits or spaces, and at least one letter.", field="name")
    with transaction.atomic(durable=True):
        sender, is_new = _open(account, link, SenderKind.NAME, name, name.casefold(), "", False)
        if not is_new and sender.address != name:
            raise Refused(f"The account has this sender name as {sender.address}.", code="taken", field="name")
        audit.note(account.id, actor, "name.add", name)
    return sender


def add_shared(number: int, link: Connection, *, actor: str) -> Sender:
    """Give the installation a number that serves the free keywords of every account."""
    address = numbers.show(number)
    with transaction.atomic(durable=True):
        _refuse_taken(address, None)
        sender = Sender.objects.create(
            account=None,
            connection=link,
            kind=SenderKind.SHARED,
            address=address,
            key=address,
            country=numbers.region_of(number) or "",
            account_level_opt_out=True,
        )
        audit.note(None, actor, "shared.add", address)
    return sender


def refuse_taken(account: Account, number: int) -> None:
    """Raise Refused if ``account`` can't take ``number``: before a carrier is paid for it."""
    address = numbers.show(number)
    _refuse_taken(address, account)
    if Sender.objects.filter(account=account, key=address, closed_at=None).exists():
        raise Refused("The account has this number already.", code="taken", field="phone_number")


def _refuse_taken(address: str, account: Account | None) -> None:
    """Raise Refused if somebody but ``account`` has the number, or had it or sent from it in the last sixty days."""
    since = timezone.now() - LINGERS
    acting = Sender.objects.filter(Q(closed_at=None) | Q(closed_at__gt=since - LEAVES_WITHIN), key=address)
    others = [one for one in acting if account is None or one.account_id != account.id]
    if any(one.closed_at is None or one.closed_at > since or _has_sent(one, since) for one in others):
        raise Refused("This number is taken.", code="taken", field="phone_number")


def _has_sent(sender: Sender, since: datetime) -> bool:
    return Message.objects.filter(account=sender.account, sender=sender, claimed_at__gt=since).exists()


def _open(
    account: Account, link: Connection, kind: SenderKind, address: str, key: str, country: str, level: bool
) -> tuple[Sender, bool]:
    sender = Sender.objects.filter(account=account, key=key).first()
    if sender is not None:
        if sender.closed_at is None and kind != SenderKind.NAME:
            raise Refused("The account has this number already.", code="taken", field="phone_number")
        sender.closed_at, sender.connection = None, link
        sender.save(update_fields=["closed_at", "connection"])
        return sender, False
    try:
        with transaction.atomic():
            return Sender.objects.create(
                account=account,
                connection=link,
                kind=kind,
                address=address,
                key=key,
                country=country,
                account_level_opt_out=level,
            ), True
    except IntegrityError as error:
        raise Refused("This number is taken.", code="taken", field="phone_number") from error


def release(sender: Sender, *, actor: str) -> None:
    """Close ``sender``. Its opt-outs stay, and STOP to it still counts."""
    with transaction.atomic(durable=True):
        if Sender.objects.filter(pk=sender.pk, closed_at=None).update(closed_at=timezone.now()):
            audit.note(sender.account_id, actor, "sender.release", sender.address)


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword as it is written down, with its reply ("" for the number's).

    ``is_former`` is one removed long ago: it acts for whom a message named it since.
    """

    word: str
    reply: str = ""
    is_former: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be changed of a number; None leaves it as it is."""

    account_level_opt_out: bool | None = None
    reply_message: str | None = None
    help_reply: str | None = None
    opt_in_reply: str | None = None
    translations: Mapping[str, Mapping[str, str]] | None = None  # of the replies, by language; replaced whole
    opt_in_words: Sequence[str] | None = None
    keywords: Sequence[Word] | None = None
    rate: int | None = None  # campaign messages a second; 0: as fast as the carrier takes them


REPLIES = ("reply_message", "help_reply", "opt_in_reply")
MOST_REPLY = 1000
MOST_RATE = 10_000


def change(sender: Sender, setting: Setting, *, actor: str) -> Sender:
    """Apply all of ``setting`` or, with Refused, nothing. The switch decides what the next STOP writes, no more."""
    with transaction.atomic(durable=True):
        return _changed(_locked(sender), setting, actor)


def change_keywords(sender: Sender, edit: Callable[[list[Word]], list[Word]], *, actor: str) -> Sender:
    """Give ``sender`` the keywords that ``edit`` makes of those it has. Two people at once lose nothing. Raises Refused."""
    with transaction.atomic(durable=True):
        sender = _locked(sender)
        rows = Keyword.objects.filter(sender=sender, removed_at=None).order_by("id")
        return _changed(sender, Setting(keywords=edit([Word(row.word, row.reply) for row in rows])), actor)


def _locked(sender: Sender) -> Sender:
    return Sender.objects.select_for_update().get(pk=sender.pk)


def _changed(sender: Sender, setting: Setting, actor: str) -> Sender:
    changed: dict[str, object] = {}
    for name in REPLIES:
        text = getattr(setting, name)
        if text is not None:
            changed[name] = _reply(text, name)
    if setting.translations is not None:
        changed["translations"] = _translations(setting.translations)
    if setting.account_level_opt_out is not None:
        changed["account_level_opt_out"] = setting.account_level_opt_out
        sender.own_level = setting.account_level_opt_out
    if setting.rate is not None:
        if not 0 <= setting.rate <= MOST_RATE:
            raise Refused(
                f"A rate is at most {MOST_RATE:,} messages a second; 0 means no limit of its own.", field="rate"
            )
        changed["rate"] = setting.rate or None
    if setting.opt_in_words is not None:
        changed["opt_in_words"] = opt_in_words(sender, setting)
    if setting.keywords is not None:
        changed["keywords"] = [word.word for word in _set_keywords(sender, setting.keywords, setting)]
    for name, value in changed.items():
        if name != "keywords":
            setattr(sender, name, value)
    sender.save(update_fields=[*(name for name in changed if name != "keywords"), "own_level"])
    audit.note(sender.account_id, actor, "number.change", sender.address, **changed)
    return sender


def _reply(text: str, field: str) -> str:
    if len(text) > MOST_REPLY:
        raise Refused(f"A reply has at most {MOST_REPLY:,} characters.", code="too_long", field=field)
    return clean(text).strip()


def _translations(given: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """``given`` without what is empty. Only languages that texts are read in: no other is ever answered in."""
    kept = {}
    for code, replies in given.items():
        if code not in packs.LANGUAGES:
            raise Refused(f"“{line(code)[:20]}” is no language that texts are read in.", field="translations")
        written = {name: _reply(replies.get(name, ""), "translations") for name in REPLIES}
        if found := {name: text for name, text in written.items() if text}:
            kept[code] = found
    return kept


def opt_in_words(sender: Sender, setting: Setting) -> list[str]:
    """The opt-in words of ``setting`` as ``change`` keeps them. Raises Refused for one that may not be."""
    taken = {w.key for w in Keyword.objects.filter(sender=sender, removed_at=None)}
    if setting.keywords is not None:
        taken = {keywords.key(word.word) for word in setting.keywords}
    words: dict[str, str] = {}
    for raw in setting.opt_in_words or ():
        word = line(raw)
        key = keywords.key(word)
        if not word or len(word) > 40 or not key:
            raise Refused("An opt-in word has 1 to 40 characters.", field="opt_in_words")
        verdict = read(word, nanp=is_nanp(sender)).verdict
        if key in _NEVER_START or key in taken or verdict in (Verdict.OPT_OUT, Verdict.REVIEW, Verdict.HELP):
            raise Refused(f"“{word}” can't be an opt-in word.", code="risky", field="opt_in_words")
        words[key] = word
    return list(words.values())


# Ordinary answers: in 55,835 real texts a bare "yes" stood 72 times, START or UNSTOP once.
_NEVER_START = {keywords.key(word) for word in ("YES", "Y", "OK", "NO", "N", "SI", "OUI", "JA")}
_RISKY = {keywords.key(word) for word in ("NO", "N", "YES", "Y", "OK", "HI", "HELLO", "THANKS", "THANK YOU")}


def _is_emoji(char: str) -> bool:
    return char >= "\u2600" and unicodedata.category(char) == "So"  # people do text a stop sign alone


def risk_of(word: str, opt_in_words: Iterable[str] = ()) -> str:
    """Why ``word`` may not be a keyword, or ""."""
    key = keywords.key(word)
    if not any(char.isalnum() or _is_emoji(char) for char in key):
        return "A keyword needs at least one letter or digit."
    if key in _RISKY:
        return f"People answer “{word}” to ordinary questions; it would opt them out."
    if len(key) == 1 and key.isascii():
        return "A single letter is too easily sent by mistake."
    verdict = read(word, start_words=tuple(opt_in_words)).verdict
    if verdict is Verdict.OPT_IN:
        return f"“{word}” opts people back in."
    if verdict is Verdict.HELP:
        return f"“{word}” asks for help."
    return ""


def _set_keywords(sender: Sender, words: Sequence[Word], setting: Setting) -> list[Word]:
    opt_in = setting.opt_in_words if setting.opt_in_words is not None else sender.opt_in_words
    wanted: dict[str, Word] = {keywords.key(word): Word(word) for word in FIXED_WORDS}
    given: dict[str, str] = {}
    if len(words) > MOST_KEYWORDS:
        raise Refused(f"A number has at most {MOST_KEYWORDS} keywords.", code="too_many", field="keywords")
    for one in words:
        word = Word(line(one.word), clean(one.reply).strip())
        if not word.word or len(word.word) > 40:
            raise Refused("A keyword has 1 to 40 characters.", field="keywords")
        if len(word.reply) > MOST_REPLY:
            raise Refused(f"A reply has at most {MOST_REPLY:,} characters.", code="too_long", field="keywords")
        if risk := risk_of(word.word, opt_in):
            raise Refused(risk, code="risky", field="keywords")
        key = keywords.key(word.word)
        if key in given:
            raise Refused(f"“{word.word}” and “{given[key]}” are the same keyword.", code="duplicate", field="keywords")
        given[key] = word.word
        wanted[key] = word if key not in wanted else Word(wanted[key].word, word.reply)
    existing = {keyword.key: keyword for keyword in Keyword.objects.filter(sender=sender)}
    for key, word in wanted.items():
        keyword = existing.get(key) or Keyword(sender=sender, key=key)
        keyword.word, keyword.reply, keyword.removed_at = word.word, word.reply, None
        keyword.save()
    gone = [keyword.pk for key, keyword in existing.items() if key not in wanted and keyword.removed_at is None]
    Keyword.objects.filter(pk__in=gone).update(removed_at=timezone.now())
    return list(wanted.values())


def is_nanp(sender: Sender) -> bool:
    """Whether the words and the scope of +1 numbers hold for ``sender``: also for short codes of those countries."""
    if sender.kind == SenderKind.SHORT_CODE:
        return sender.country in numbers.NANP_REGIONS
    return sender.key.startswith("+1") and numbers.is_nanp(int(sender.key[1:]))


def network_answers(sender: Sender) -> bool:
    """Whether the network answers STOP and UNSTOP to ``sender`` itself, as it does on toll-free numbers of the US."""
    policy = packs.policy("US", timezone.now().date())
    return is_nanp(sender) and policy.network_answers_toll_free and policy.is_toll_free(int(sender.key[1:]))


def consent_id(sender: Sender) -> int:
    """The id that consent knows ``sender`` by: its pool's, if it is in one."""
    return sender.pool_id or sender.id


def join_pool(sender: Sender, name: str, *, actor: str) -> Sender:
    """Put ``sender`` into the account's pool of this name, which is made if there is none. Raises Refused.

    It stays there: somebody who left the pool would otherwise be written to by a number of it.
    """
    name = line(name)
    if not 1 <= len(name) <= 14:
        raise Refused("A pool's name has 1 to 14 characters.", field="name")
    with transaction.atomic(durable=True):
        sender = _locked(sender)
        if sender.kind not in (SenderKind.NUMBER, SenderKind.SHORT_CODE) or sender.pool_id or sender.closed_at:
            raise Refused("Only a number in use that is in no pool yet can join one.", field="number")
        pool, _ = Sender.objects.get_or_create(
            account=sender.account,
            key=f"pool {name.casefold()}",
            defaults={"kind": SenderKind.POOL, "address": name, "connection": sender.connection},
        )
        sender.pool_id = pool.id
        sender.save(update_fields=["pool_id"])
        audit.note(sender.account_id, actor, "pool.join", sender.address, pool=name)
    return pool


def usable(account: Account) -> QuerySet[Sender]:
    """What staff choose among to send from: numbers, short codes and names in use."""
    mine = Sender.objects.filter(account=account, closed_at=None).exclude(kind=SenderKind.POOL)
    return mine.select_related("connection")


def picked(pool: Sender, recipient: int) -> Sender | None:
    """The number of ``pool`` that writes to ``recipient``: the same one each time, as long as it is in the pool."""
    mine = Sender.objects.filter(account=pool.account, pool_id=pool.id, closed_at=None)
    found = list(mine.select_related("connection").order_by("id"))
    # The highest of their hashes: another number in the pool moves none of the people whom it does not take.
    return max(found, key=lambda one: hashlib.sha256(f"{one.id} {recipient}".encode()).digest(), default=None)


def scope_of(sender: Sender, *, everything: bool = False) -> int:
    """What a STOP to ``sender`` leaves: it, or its pool; all of the account by its switch, or if it says so."""
    return ALL_SENDERS if everything or sender.account_level_opt_out else consent_id(sender)


def shared_number() -> Sender | None:
    """The shared number that people are told of, if the installation has one."""
    return Sender.objects.filter(kind=SenderKind.SHARED, closed_at=None).order_by("id").first()


def reached(raw: str) -> Sender | None:
    """The number or short code in use, of whatever account, that ``raw`` names."""
    number = numbers.originator(raw)
    key = clean(raw).strip().casefold() if number is None else numbers.show(number)
    return Sender.objects.filter(key=key, closed_at=None).exclude(kind=SenderKind.NAME).first()


def find(account: Account, raw: str, *, released: bool = False) -> Sender | None:
    """The sender that ``raw`` names, with or without +, in any case; open, unless ``released`` ones count too."""
    mine = Sender.objects.filter(account=account).exclude(kind=SenderKind.POOL).select_related("connection")
    among = mine if released else mine.filter(closed_at=None)
    text = clean(raw).strip()
    try:
        number = numbers.parse(text if text.startswith("+") or not text.isdigit() else f"+{text}", account.country)
    except numbers.BadNumber:
        return among.filter(key=text.casefold()).first()
    return among.filter(key=numbers.show(number)).first() or among.filter(key=text.casefold()).first()
