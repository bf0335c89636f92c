"""Personal data that a pattern and a check decide: numbers with a check digit, addresses, phones, secrets.

Precision comes first, because text is full of numbers that are nobody's: what only looks like
personal data (versions, dates, articles of law, order numbers, toll-free and example numbers, private and
documentation addresses) stays. Names are beyond rules, and take a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from service.privacy import checks


class DataKind(StrEnum):
    """What is personal, by the word that its placeholder shows."""

    SECRET = "SECRET"
    """A key or token that opens something."""
    LOGIN = "LOGIN"
    """User and password within a URL."""
    EMAIL = "EMAIL"
    ID = "ID"
    """A Chinese identity number, or a US social security number."""
    IBAN = "IBAN"
    CARD = "CARD"
    """A bank card."""
    IP = "IP"
    """A public address."""
    PHONE = "PHONE"
    PLATE = "PLATE"
    """A Chinese number plate."""
    NAME = "NAME"
    """Of a person; no rule finds it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The group ``value`` of a match is of this kind where ``check`` holds of the group ``checked``.

    ``unlabelled`` asks besides that no label of another kind of number stands before it.
    """

    kind: DataKind
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = bool
    checked: str = "value"
    unlabelled: bool = False

    def holds(self, match: re.Match[str]) -> bool:
        before = match.string[max(0, match.start("value") - _LABEL_CHARACTERS) : match.start("value")]
        is_labelled = self.unlabelled and _OTHER_NUMBER.search(before) is not None
        return self.check(match[self.checked]) and not is_labelled


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that only match around what ``hint`` matches, which is found faster than they are."""

    hint: re.Pattern[str]
    rules: tuple[Rule, ...]


_LABEL_CHARACTERS = 24
_OTHER_NUMBER = re.compile(
    r"""(?i: \b v | version | release | build | section | order | invoice | ticket | tracking | serial
         | is[bs]n | doi | pmid | no\. | nr\. | № | \# | \b id
         | 版本? | 第 | 订单 | 单号 | 流水 | 编号 | 编码 | 序列 | 型号 | 批号 | 文号 | 学号 | 工号)
        [^\w\n]* (?: no\.? | number | 号码? | 为 | 是)? [^\w\n]* $""",
    re.VERBOSE,
)

_ALONE = r"(?<![A-Za-z0-9_.+/=&%-])"
"""Before a number that is no part of a word, of another number, of a path or of a query."""
_ENDS = r"(?![A-Za-z0-9_]|[.,-]\d)"
_SEVEN_DIGITS = r"\d(?:[ ()（）.-]{0,2}\d){6}"
_AREA = r"0(?:10 | 2\d | [3-9]\d{2})"


@cache
def all_rules() -> tuple[Rules, ...]:
    """The surest first; compiled when the first text comes."""
    return _secrets(), _accounts(), _numbers(), _phones(), _addresses(), _plates()


def _secrets() -> Rules:
    return Rules(
        re.compile(r"-----BEGIN [^\n]{0,40}PRIVATE KEY-----[^-]{0,8000}|[!-~]{20,}", re.ASCII),
        (
            Rule(
                DataKind.SECRET,
                _pattern(
                    r"-----BEGIN[ ](?:[A-Z]+[ ])*PRIVATE[ ]KEY----- (?s:.){1,8000}?"
                    r"-----END[ ](?:[A-Z]+[ ])*PRIVATE[ ]KEY-----"
                ),
            ),
            Rule(
                DataKind.SECRET,
                _pattern(
                    r"""sk-[\w-]{20,} | [sr]k_live_\w{16,} | AKIA[0-9A-Z]{16} | LTAI\w{12,30} | AIza[\w-]{35}
                  | gh[pousr]_\w{36,} | github_pat_\w{22,} | glpat-[\w-]{20,} | xox[abprs]-[\w-]{10,}
                  | hf_\w{30,} | pypi-[\w-]{50,} | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}""",
                    before=r"(?<![A-Za-z0-9_-])",
                ),
            ),
            Rule(
                DataKind.SECRET,
                _pattern(
                    r"[A-Za-z0-9+/_=.-]{20,200}",
                    before=r"""(?i: (?:api|access)[-_ ]?key | secret(?:[-_ ]?key)? | token | passw(?:or)?d
                            | bearer | 密码 | 口令 | 密钥) ["']? \s* (?:[=:：]|\s) \s* ["']?""",
                    after=r"(?![A-Za-z0-9])",
                ),
                checks.is_key,
            ),
        ),
    )


def _accounts() -> Rules:
    return Rules(
        re.compile("@", re.ASCII),
        (
            Rule(
                DataKind.LOGIN,
                _pattern(
                    r"[^\s/:@'\"]{1,64} : (?P<password>[^\s/@'\"]{1,128})",
                    before=r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://",
                    after="(?=@)",
                ),
                checks.is_password,
                "password",
            ),
            Rule(
                DataKind.EMAIL,
                _pattern(
                    r"""(?!git@|x{3})[A-Za-z0-9][\w.%+-]{0,63}
                    @ (?P<domain>(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24})""",
                    before=r"(?<![A-Za-z0-9._%+-])",
                    after=r"(?![A-Za-z0-9-])",
                ),
                checks.is_mail_domain,
                "domain",
            ),
        ),
    )


def _numbers() -> Rules:
    return Rules(
        re.compile(rf"{_SEVEN_DIGITS}|[A-Z]{{2}}\d\d[ A-Z0-9]{{11}}", re.ASCII),
        (
            Rule(
                DataKind.ID,
                _pattern(
                    r"[1-9]\d{5} (?:18|19|20)\d{2} [01]\d [0-3]\d \d{3} [\dXx]",
                    before=r"(?<![A-Za-z0-9])",
                    after=r"(?![A-Za-z0-9])",
                ),
                checks.is_chinese_id,
            ),
            Rule(DataKind.ID, _number(r"\d{3}-\d{2}-\d{4}"), checks.is_social_security_number),
            Rule(
                DataKind.IBAN,
                _pattern(
                    r"[A-Z]{2}\d{2} (?:[ ]?[A-Z0-9]{4}){2,7} (?:[ ]?[A-Z0-9]{1,3})?",
                    before=r"(?<![A-Za-z0-9])",
                    after=r"(?![A-Za-z0-9])",
                ),
                checks.is_iban,
            ),
            Rule(  # American Express; Visa, Mastercard, JCB, UnionPay, Discover
                DataKind.CARD,
                _number(
                    r"""3[47]\d{2} (?P<a>[ -]?) \d{6} (?P=a) \d{5}
                  | (?:(?P<union>62) | 4\d | 5[1-5] | 2[2-7] | 35 | 65)\d{2}
                    (?P<b>[ -]?) \d{4} (?P=b) \d{4} (?P=b) \d{4} (?(union)(?:(?P=b) \d{1,3})?)"""
                ),
                checks.is_card,
                unlabelled=True,
            ),
        ),
    )


def _phones() -> Rules:
    return Rules(
        re.compile(_SEVEN_DIGITS, re.ASCII),
        (
            Rule(  # behind its label, in whatever form
                DataKind.PHONE,
                _pattern(
                    r"\+?[(（]?\d(?:[ ()（）.-]{0,2}\d){6,14}",
                    before=r"""(?: (?i:\b(?:tel|phone|telephone|mobile|cell|whatsapp|fax)\b\.?)
                             | 电话 | 手机 | 传真)
                           (?:\s?(?i:no\.?|number) | 号码?)? \s? (?:[:：.] | 是 | 为) \s?""",
                    after=_ENDS,
                ),
                checks.is_phone,
            ),
            Rule(DataKind.PHONE, _number(r"\+[1-9]\d{0,2} (?:[ .-]?\(?\d{2,5}\)?){3,5}"), checks.is_phone),
            Rule(  # Chinese mobile
                DataKind.PHONE,
                _number(r"1[3-9]\d (?P<c>[ -]?) \d{4} (?P=c) \d{4}"),
                checks.is_phone,
                unlabelled=True,
            ),
            Rule(  # Chinese landline
                DataKind.PHONE,
                _number(rf"(?:{_AREA}- | [(（]{_AREA}[)）][ ]?) [2-8]\d{{6,7}}"),
                checks.is_phone,
                unlabelled=True,
            ),
            Rule(  # North American
                DataKind.PHONE,
                _number(r"(?:1[-. ])? (?:\([2-9]\d{2}\)[ ]? | [2-9]\d{2}[-.]) [2-9]\d{2} [-.] \d{4}"),
                checks.is_phone,
                unlabelled=True,
            ),
        ),
    )


def _addresses() -> Rules:
    return Rules(
        re.compile(r"\d\.\d{1,3}\.\d|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]", re.ASCII),
        (
            Rule(
                DataKind.IP,
                _pattern(r"(?:\d{1,3}\.){3}\d{1,3}", before=r"(?<![\w.:-])", after=r"(?![\w/-]|\.\d)"),
                checks.is_public_address,
                unlabelled=True,
            ),
            Rule(
                DataKind.IP,
                _pattern(
                    r"[23][0-9A-Fa-f]{3} : (?:[0-9A-Fa-f]{0,4}:){1,6} [0-9A-Fa-f]{0,4}",
                    before=r"(?<![\w.:])",
                    after=r"(?![\w:/]|\.\d)",
                ),
                checks.is_public_address,
            ),
        ),
    )


def _plates() -> Rules:
    return Rules(
        re.compile("[A-HJ-NP-Z][·•]?[A-HJ-NP-Z0-9]{4}", re.ASCII),
        (
            Rule(
                DataKind.PLATE,
                _pattern(
                    r"""[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·•]?
                    (?=[A-Z]*\d[A-Z]*\d) [A-HJ-NP-Z0-9]{4,5} [A-HJ-NP-Z0-9挂学警港澳]""",
                    after=r"(?![A-Za-z0-9])",
                ),
            ),
        ),
    )


def _number(value: str) -> re.Pattern[str]:
    return _pattern(value, before=_ALONE, after=_ENDS)


def _pattern(value: str, *, before: str = "", after: str = "") -> re.Pattern[str]:
    return re.compile(f"{before}(?P<value>{value}){after}", re.VERBOSE | re.ASCII)
