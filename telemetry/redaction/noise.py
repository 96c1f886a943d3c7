"""Recognises random words: tokens and keys in base64, base62 and base36.

A random word switches between small letters, capital letters and digits at every second
character, and its pairs of letters are not those of a language. Of random words of 24 to 64
characters, `tests/telemetry/redaction/test_noise.py` requires 99 %; of 10,000 words of real text,
one at most is taken for a random one.
"""

from __future__ import annotations

import re
from operator import add
from typing import Final

MIN_LENGTH: Final = 24
# Characters that are looked at. A longer word is as random as its beginning.
_LOOKED_AT: Final = 64
# The 200 most frequent pairs of letters, 94 % of all, in a council's records of a year and in
# Django's source.
_FREQUENT: Final = (
    "thonerhereinanorndtienteseesatntioofcoitedelstaldemearectocectisroasnglevedincnelaliraeteapricri"
    "hatrnapellnsbenofirtrdmasiiltafopaciunouemtyomchuriessirgemiuthiaclotseeclcaolviamporsaisuopapot"
    "idppevhouewisobyefusplimlfadniodepexifrmldivdamolympayovblwaqushsafekeweowturygrpuvammiaagulrclu"
    "ptdsabuprlboosfrrnauwhubttigocavfflsnurgooumuirudospbafulteqobnnmbcueybuizcrrkfawooagickrrtmgaoh"
    "ogafrvjeeguaucei"
)
_IS_FREQUENT = frozenset(_FREQUENT[at : at + 2] for at in range(0, len(_FREQUENT), 2)).__contains__
_SWITCH = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_PAIR = re.compile(r"[a-z](?=[a-z])")
_DIGIT = re.compile(r"[0-9]")
# Trace ids, UUIDs, hashes of releases.
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{16,}")
_BEHIND_F = re.compile(r"[g-z]")
_SMALL = re.compile(r"[a-z]")
_MIN_CAPITALS: Final = 32
_MARK = re.compile(r"[+/_~-]")

# Of the characters, at least; of the pairs of letters, at most.
_SWITCHES, _SWITCHES_SMALL = 0.27, 0.13
_PAIRS, _PAIRS_WITHOUT_DIGIT, _PAIRS_SMALL = 0.70, 0.56, 0.72


def is_noise(word: str) -> bool:
    """Whether a word of letters, digits and ``+/_~-`` looks random.

    Hexadecimal words, and words in capital letters of fewer than 32 characters, are not random.
    """
    word = word[:_LOOKED_AT]
    # First: the most frequent of such words.
    if _HEXADECIMAL.search(word):
        return False
    length = len(word)
    small = word.lower()
    switches = len(_SWITCH.findall(word))
    # Base32: words in capital letters are names of constants, and ids are shorter.
    if small == word or (length >= _MIN_CAPITALS and not _SMALL.search(word)):
        if switches < length * _SWITCHES_SMALL or _MARK.search(word):
            return False
        if not _BEHIND_F.search(small) or len(_DIGIT.findall(word)) < 2:
            return False
        allowed = _PAIRS_SMALL
    elif switches < length * _SWITCHES or not _SMALL.search(word):
        return False
    else:
        allowed = _PAIRS if _DIGIT.search(word) else _PAIRS_WITHOUT_DIGIT
    frequent = sum(map(_IS_FREQUENT, map(add, small, small[1:])))
    return frequent <= allowed * len(_PAIR.findall(small))
