"""Terms that any text holds, in English and Chinese: they say nothing about what a question is about."""

from __future__ import annotations

from functools import lru_cache

from ingest.words.stemming import stem

_ENGLISH = """
a an and are as at be been but by can did do does for from had has have how i if in into is it its many
may me much must my no not of on one or our shall should so such than that the their them then there
these they this to was we were what when where which who whom whose why will with would you your
"""
_CHINESE = """
的 了 是 在 和 与 或 吗 呢 么 什 什么 怎 怎么 如 何 如何 哪 些 哪些 多 少 多少 为 为什 个 一
有 被 把 从 对 中 上 下 请 问 几 哪个 谁 时 会 能 可 以 可以 要 应 该 应该 用 到 其 这 那 它
们 吧 啊 就 都 也 而 及 等 之 于 由 所 并 且 里 给
"""
_SEAMS = frozenset(
    "的了是吗呢么什怎哪些谁吧啊它们这那和与或在也就而且之于把被为到给该请几个何如要多少以从其都及由所并里"
)
"""What joins words more often than it is part of one, unlike 上, 中 and 会 (上海, 中国, 会议)."""
_WORDS_WITH_SEAMS = """
目的 了解 现在 存在 在线 和平 参与 首都 成都 成就 就业 就医 之间 自由 理由 原因 关于 行为 人为 成为
被告 把手 到期 到岗 到货 到账 到达 给付 供给 给予 申请 请假 请求 邀请 请示 几何 个人 整个 重要 主要
需要 必要 要求 要点 多数 减少 以前 以后 以内 从事 其他 及格 及时 场所 住所 里程 公里 合并
"""


def is_stop_word(term: str) -> bool:
    """Whether ``term``, one that ``ingest.words.terms`` gives, is a word that any text holds."""
    return term in _stop_words()


def is_seam(term: str) -> bool:
    """Whether ``term`` is a pair of Chinese characters that only grammar put side by side."""
    return len(term) == 2 and not _SEAMS.isdisjoint(term) and term not in _words_with_seams()


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    """The words of both languages, and the stems of the English ones."""
    english = _ENGLISH.split()
    return frozenset((*english, *(stem(word, "en") for word in english), *_CHINESE.split()))


@lru_cache(maxsize=1)
def _words_with_seams() -> frozenset[str]:
    return frozenset(_WORDS_WITH_SEAMS.split())
