"""Codes that people and programs read: free keywords, short links, public ids. Chance and keys are given, not taken."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from heed.rules.folding import fold, look_alike

PREFIX_LENGTH = 5
LINK_LENGTH = 5
_CONSONANTS = "bcdfghjkmnpqrstvwxz"  # no l: it looks like I and 1
_LINK_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_WORD = re.compile(r"(?=stop|start)")
_SHORTEST = PREFIX_LENGTH + len("stop")

Choose = Callable[[str], str]  # one character of a string, by chance: secrets.choice


def free_keyword_prefix(choose: Choose) -> str:
    """Five consonants, none twice running and no final s, so that folding "ssSTOP" can never change them."""
    letters: list[str] = []
    while len(letters) < PREFIX_LENGTH:
        letter = choose(_CONSONANTS)
        if letter not in letters[-1:] and not (letter == "s" and len(letters) == PREFIX_LENGTH - 1):
            letters.append(letter)
    return "".join(letters)


def free_keyword(prefix: str) -> str:
    return f"{prefix}STOP"


def free_keyword_candidates(text: str) -> list[tuple[str, str]]:
    """Every (prefix, "stop" or "start") that may be a free keyword in ``text``, in order; compared without spaces.

    It may stand among other words, so these are candidates: an account's own prefix decides.
    """
    found: dict[tuple[str, str], None] = {}
    folded = fold(text)
    for reading in (folded, look_alike(folded)):
        if len(reading) < _SHORTEST:  # a bare STOP, as nearly all are
            continue
        letters = "".join(char for char in reading if char.isalnum())
        for match in _WORD.finditer(letters):
            at = match.start()
            if at >= PREFIX_LENGTH:
                word = "stop" if letters.startswith("stop", at) else "start"
                found[letters[at - PREFIX_LENGTH : at], word] = None
    return list(found)


def ends_in_stop(text: str) -> bool:
    """Whether ``text`` may be a free keyword that nobody has: one word that ends in STOP."""
    folded = fold(text)
    return " " not in folded and any(reading.endswith("stop") for reading in (folded, look_alike(folded)))


def short_link(choose: Choose) -> str:
    return "".join(choose(_LINK_LETTERS) for _ in range(LINK_LENGTH))


PERSONAL_LENGTH = 13
_TAG_BYTES, _ID_BYTES = 4, 5


def personal_code(key: bytes, message_id: int) -> str:
    """The code in one message's own link: its id under ``key``, with a tag that nobody else can make (RFC 5297's idea).

    The tag is made of the id and hides it, so that a code neither tells how many messages there are nor leads to another.
    """
    tag = _mac(key, b"tag", message_id.to_bytes(_ID_BYTES, "big"))[:_TAG_BYTES]
    hidden = int.from_bytes(tag + _hide(key, tag, message_id).to_bytes(_ID_BYTES, "big"), "big")
    letters = ""
    for _ in range(PERSONAL_LENGTH):
        hidden, at = divmod(hidden, len(_LINK_LETTERS))
        letters += _LINK_LETTERS[at]
    return letters


def message_of(key: bytes, code: str) -> int | None:
    """The id of the message whose personal code this is, or None for anything else."""
    if len(code) != PERSONAL_LENGTH or any(letter not in _LINK_LETTERS for letter in code):
        return None
    value = sum(_LINK_LETTERS.index(letter) * len(_LINK_LETTERS) ** at for at, letter in enumerate(code))
    if value >= 256 ** (_TAG_BYTES + _ID_BYTES):
        return None
    block = value.to_bytes(_TAG_BYTES + _ID_BYTES, "big")
    message_id = _hide(key, block[:_TAG_BYTES], int.from_bytes(block[_TAG_BYTES:], "big"))
    return message_id if hmac.compare_digest(personal_code(key, message_id), code) else None


def _hide(key: bytes, tag: bytes, message_id: int) -> int:
    return message_id ^ int.from_bytes(_mac(key, b"hide", tag)[:_ID_BYTES], "big")


def _mac(key: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(key, purpose + data, "sha256")


def public_id(key: bytes, prefix: str, number: int) -> str:
    """``prefix`` and 32 hex digits: the row's id under AES. Nobody can guess a neighbour, and no column is needed."""
    block = prefix.encode().ljust(4, b"\0")[:4] + number.to_bytes(8, "big") + b"\0\0\0\0"
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 (one block, and all blocks differ)
    return f"{prefix}_{(encryptor.update(block) + encryptor.finalize()).hex()}"


def row_id(key: bytes, prefix: str, public: str) -> int | None:
    """The row's id in a public id that ``public_id`` made, or None for anything else."""
    if not re.fullmatch(re.escape(prefix) + r"_[0-9a-f]{32}", public):
        return None
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305
    block = decryptor.update(bytes.fromhex(public[len(prefix) + 1 :])) + decryptor.finalize()
    if block[:4] != prefix.encode().ljust(4, b"\0")[:4] or block[12:] != b"\0\0\0\0":
        return None
    return int.from_bytes(block[4:12], "big")
