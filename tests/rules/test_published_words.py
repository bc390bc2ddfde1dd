"""Every word that a rule, a large vendor or a published set of keywords recognises is known here, language by language."""

from __future__ import annotations

import pytest

from heed.rules import packs
from heed.rules.reading import read
from heed.rules.verdicts import Verdict

# 47 CFR 64.1200(a)(10).
PER_SE = "STOP, QUIT, END, REVOKE, OPT OUT, CANCEL, UNSUBSCRIBE"

# Lists of Twilio, Telnyx, AWS, Salesforce, Braze and Chinese carriers; the CTIA's; keyword sets of senders. What native
# speakers are still to look at is among them: alone it asks a person, so it does no harm.
OPT_OUT = {
    "en": "STOP, STOPALL, STOP ALL, UNSUBSCRIBE, UNSUB, CANCEL, END, QUIT, REVOKE, OPTOUT, OPT-OUT, OPT OUT, REMOVE, "
    "TERMINATE, STOPP, TD, HALT, EXIT, STOP2QUIT, UNSUBSCRIBED, DESIST",
    "fr": "STOP, ARRET, ARRÊT, ARRETT, ARRETE, désabonner, désinscrire, se désabonner",
    "es": "PARAR, ALTO, BAJA, CANCELAR, SALIR, DETENER, PARE, TERMINAR, ELIMINAR, darme de baja, no más mensajes",
    "pt": "PARE, PARAR, SAIR, CANCELAR, DESCADASTRAR",
    "de": "STOPP, ABMELDEN, ABBESTELLEN, ABMELDUNG",
    "it": "disiscriviti, annulla iscrizione, cancella iscrizione, BASTA",
    "nl": "AFMELDEN, UITSCHRIJVEN",
    "sv": "avregistrera",
    "da": "afmeld, frameld",
    "nb": "meld deg av",
    "pl": "wypisz się, rezygnuję",
    "ru": "отписаться, СТОП",
    "tr": "abonelikten çık, listeden çık, İPTAL, RED",
    "ar": "إلغاء الاشتراك, إيقاف, توقف",
    "he": "הסר, הסרה, הסר אותי, הפסק",
    "hi": "बंद, बंद करो, रोको",
    "zh": "退订, 退訂, 取消订阅, 取消訂閱, 停止, TD, T",
    "ja": "配信停止, 配信解除, 購読解除, 停止",
    "ko": "수신거부, 수신 거부, 구독취소",
    "vi": "hủy, dừng",
    "tl": "itigil, mag-unsubscribe",
}
OPT_IN = {
    "en": "START, UNSTOP, SUBSCRIBE, RESUME, JOIN, RESUBSCRIBE, OPTIN",
    "fr": "NONARRET, RECOMMENCER",
    "es": "ALTA, COMENZAR",
    "nl": "AANMELDEN",
    "ar": "اشتراك",
}
HELP = {
    "en": "HELP, INFO, HLP",
    "fr": "AIDE",
    "es": "AYUDA",
    "pt": "AJUDA",
    "de": "HILFE",
    "it": "AIUTO",
    "pl": "POMOC",
    "ru": "помощь",
    "ar": "مساعدة",
    "hi": "मदद",
    "ja": "ヘルプ",
}
NEAR_MISSES = "stpo, sotp, dtop, srop, syop, stip, atop, unsuscribe, unsubcribe, 🛑, 🚫, ⛔, ✋"


def each(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(code, word) for code, words in table.items() for word in words.split(", ")]


@pytest.mark.parametrize("table", ["opt_out", "opt_in", "help"])
def test_the_packs_have_every_published_word(table: str) -> None:
    published = {"opt_out": OPT_OUT, "opt_in": OPT_IN, "help": HELP}[table]
    missing = [
        (code, word)
        for code, word in each(published)
        if word.casefold() not in {one.casefold() for one in getattr(packs.LANGUAGES[code], table)}
    ]
    assert missing == []


def test_each_acts_on_a_number_that_has_chosen_it_and_alone_is_for_a_person_elsewhere() -> None:
    for code, word in each(OPT_OUT):
        assert read(word, words=(word,)).verdict is Verdict.OPT_OUT, word
        assert read(word).verdict in (Verdict.OPT_OUT, Verdict.REVIEW), (code, word)
    for word in NEAR_MISSES.split(", "):
        assert read(word).verdict is Verdict.REVIEW, word


def test_words_of_the_us_rule_act_on_every_number_of_its_code() -> None:
    for word in PER_SE.split(", "):
        assert read(word, nanp=True).verdict is Verdict.OPT_OUT, word
    assert set(PER_SE.split(", ")) <= set(packs.PER_SE)
