"""What an instruction to a model looks like, in English and Chinese: rules by the words they begin with.

A rule is tried only where one of its words stands: to look for words takes microseconds, to try every rule at
every place milliseconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_LATIN = re.compile("[a-z]+")
_ORDERS = r"(?:instructions?|prompts?|rules|guidelines|directions|commands|orders|directives|restrictions)"
_REPLY = r"(?:answers?|reply|replies|responses?|outputs?)"
_MODELS = "ai|llm|llms|language model|chatbot|chat bot|assistant|virtual assistant|digital assistant|gpt"
_MODEL = rf"(?:(?:large )?(?:{_MODELS}))(?: (?:models?|systems?|agents?|assistants?|readers?))?"
_SENTENCE = r"[^.!?\n]"
_HAN_MODEL = "(?:人工智能|ai|大?语言模型|聊天机器人|智能助手)(?:助手|系统|模型)?"
_HAN_REPLY = "(?:回答|回复|答案|答复|输出)"
_WHOSE = "(?:你的|每个|每次|所有|最终)"

_ENGLISH = (
    # turn away from what it was told
    (
        "ignore|disregard|forget|override|overrule|bypass|discard|set aside|pay no attention|pay no heed",
        rf"\b{_SENTENCE}{{0,40}}"
        r"\b(?:previous|prior|above|earlier|preceding|system|all|any|your|these|those|other)\b"
        rf"{_SENTENCE}{{0,30}}\b(?:{_ORDERS}|sources?|passages?|documents|context|everything)\b",
    ),
    (
        "ignore|disregard|forget",
        rf"\b{_SENTENCE}{{0,20}}\b(?:{_ORDERS}|sources?|passages?|documents) (?:above|before|so far|given)\b",
    ),
    (
        "ignore|disregard|forget",
        r" (?:everything|all|anything|what|whatever)(?: that)?"
        r" (?:you (?:were|have been|are) told|(?:was|is|stands) (?:said )?(?:above|before))\b",
    ),
    ("new|updated|real|actual|hidden|secret|override|true", rf" {_ORDERS}\s*:"),
    (
        "system|developer|administrator|admin|root",
        r" (?:prompt|message|override|notice|instructions?)\s*[:>\]]",
    ),
    # speak to the model
    (
        "attention|note|notice|message|instruction|instructions|memo|warning|hint|hey|dear|important",
        rf"\b{_SENTENCE}{{0,20}}(?:\b(?:to|for)\b|[:,]|(?<=dear)|(?<=hey))\s*"
        rf"(?:the |any |all |every |an )?{_MODEL}"
        r"\s*(?:[:,.]|\b(?:reading|who|that|processing|which)\b)",
    ),
    ("if you|since you|because you|as you|when you", rf"(?:'re| are) (?:an? |the )?{_MODEL}\b"),
    (
        _MODELS,
        r"s?(?: (?:models?|systems?|agents?|assistants?))?,? (?:you )?"
        rf"(?:must|shall|have to|has to|(?:is|are) (?:required|ordered|instructed|to))\b{_SENTENCE}{{0,40}}"
        rf"\b(?:{_REPLY}|answer|say|ignore|print|obey|follow|include|append)\b",
    ),
    # play a part
    (
        "you are now|you are no longer",
        rf"\b{_SENTENCE}{{0,60}}"
        r"\b(?:dan|ai|assistant|model|bot|mode|bound|pirate|persona|hacker|unrestricted|jailbroken)\b",
    ),
    (
        "from now on|from here on",
        rf"\b{_SENTENCE}{{0,15}}\byou (?:are|will|must|shall|should|act|only)\b",
    ),
    (
        "pretend|act|behave|roleplay|role-play",
        rf"\b{_SENTENCE}{{0,15}}\b(?:as|to be|like)\b{_SENTENCE}{{0,30}}"
        rf"\b(?:{_MODEL}|dan|unrestricted|(?:no|without) (?:any )?(?:rules|restrictions|limits))\b",
    ),
    ("enable|enter|activate|switch to", rf"\b{_SENTENCE}{{0,20}}\b(?:developer|god|jailbreak|dan) mode\b"),
    # dictate the answer
    (
        "reply|respond|answer",
        r"\b(?: \w+){0,4} (?:with|by saying)(?: only| just| exactly| nothing but)*"
        r"(?: the (?:words?|phrase|text|sentence|string|code)\b|\s*[:\"“'`])",
    ),
    (
        "say|print|output|write|repeat|echo|state",
        r"(?: (?:only|just|exactly|precisely|verbatim))+"
        r"(?: the (?:words?|phrase|text|sentence|string|following|code)\b| this\b|\s*[:\"“'`])",
    ),
    (
        "begin|start|end|finish|close|conclude|open|preface|prefix",
        rf" (?:your|every|each|all) (?:\w+ )?{_REPLY}\b{_SENTENCE}{{0,15}}\b(?:with|by)\b",
    ),
    (
        "add|append|include|insert|embed|put|place|render|attach|mention",
        rf"\b{_SENTENCE}{{0,80}}\b(?:in|to|into|of|with) (?:your|every|each) (?:\w+ )?{_REPLY}\b",
    ),
    (
        "your",
        rf" (?:final |whole |entire |next |only )?{_REPLY} (?:must|shall|has to|should) "
        r"(?:be|say|contain|include|read|end|begin|consist)\b",
    ),
    (
        "cite|quote|attribute|reference",
        rf"\b{_SENTENCE}{{0,50}}\b(?:as|only|always|instead|source|number)\b{_SENTENCE}{{0,12}}\[\d{{1,3}}\]",
    ),
    (
        "do not|don't|never",
        rf" (?:\w+ ){{0,2}}(?:answer|respond to|mention|reveal)\b{_SENTENCE}{{0,30}}"
        r"\b(?:the (?:user|asker)|these instructions|this instruction|the question)\b",
    ),
    ("tell|inform|convince|instruct", r" the (?:user|asker|reader)s? (?:that|to)\b"),
    # have something told or sent
    (
        "reveal|print|show|repeat|output|leak|disclose|display|tell me|summarise|summarize",
        rf"\b{_SENTENCE}{{0,20}}\byour\b{_SENTENCE}{{0,15}}"
        r"\b(?:system prompt|prompt|instructions|hidden|secrets?)\b",
    ),
    (
        "send|post|forward|email|e-mail|transmit|upload|exfiltrate|leak",
        rf"\b{_SENTENCE}{{0,60}}"
        r"\b(?:question|conversation|chat|user'?s? (?:data|input)|answer|prompt|context)\b"
        rf"{_SENTENCE}{{0,40}}\b(?:to|at)\b\s+\S*(?:https?:|www\.|@)",
    ),
    (
        "decode|decrypt|decipher",
        rf"\b{_SENTENCE}{{0,60}}\b(?:follow|execute|obey|do what|comply|carry out)\b",
    ),
    (
        "follow|obey|execute|comply with|carry out",
        rf" (?:these|the following|this|my|all) (?:new )?{_ORDERS}\b"
        rf"{_SENTENCE}{{0,20}}\b(?:instead|immediately|now)\b",
    ),
)
_CHINESE = (
    (
        "忽略|无视|無視|忘记|忘掉|忘記|不要理会|不要遵守|不必遵守|抛开|抛弃|覆盖|跳过",
        ".{0,8}(?:之前|以上|上述|上面|先前|前面|前述|所有|一切|全部|任何|系统|其他|其它|你的|原有).{0,8}"
        "(?:指令|指示|提示词?|规则|規則|要求|设定|資料|资料|来源|限制|约束)",
    ),
    (
        "新指令|新的指令|新指示|新的指示|真正的指令|最新指令|隐藏指令|优先指令|管理员指令|系统指令|系统提示|系统消息|"
        "系统通知|开发者指令|管理员通知|系统命令",
        "词?\\s*[:：]",
    ),
    (
        "致|告|请|提醒|注意",
        f"(?:所有|各位|阅读(?:本文|此文|本页|本段)的)?{_HAN_MODEL}\\s*[:：，,注]",
    ),
    ("如果你是|既然你是", f"(?:一个|一名)?(?:{_HAN_MODEL}|助手|模型)"),
    (
        "人工智能|ai|语言模型|聊天机器人|智能助手",
        f"(?:助手|系统|模型)?(?:必须|务必|应当|只能).{{0,12}}(?:{_HAN_REPLY}|说|忽略|服从)",
    ),
    ("从现在开始|从现在起|现在起|从此", ".{0,6}你(?:是|将|要|必须|只能|不再|扮演)"),
    ("你现在|你不再", "(?:是|受|扮演).{0,20}(?:ai|助手|模型|机器人|模式|限制|约束|海盗|角色)"),
    (
        "假装|扮演|装作",
        ".{0,14}(?:没有(?:任何)?(?:限制|规则|约束)|不受.{0,4}(?:限制|约束)|ai|机器人|dan)",
    ),
    ("进入|开启|启用|切换到", ".{0,4}(?:开发者|越狱|上帝)模式"),
    (
        "请|必须|只能|务必|只需|一律|只",
        "(?:要|只|仅|直接|原样|逐字|一字不差地)*(?:回答|回复|重复|说出?|打印|写出?|输出)"
        '(?:以下|下面|如下|这句|这个|[:：“"「『‘])',
    ),
    ("回答|回复|答案|答复|输出", "(?:的|内容)?(?:必须|只能|务必|应当)(?:是|为|包含|以|写|说)"),
    (
        "回答|回复|答案|答复|输出",
        "(?:的)?(?:末尾|结尾|开头|最后|中|里|之后|后面).{0,8}(?:加上|附上|插入|写上|添加|加入|包含|放入|显示)",
    ),
    ("加|附|插|写|添|放|嵌", f"(?:入|到|上|进|在|加到){_WHOSE}{_HAN_REPLY}"),
    ("开头|结尾|结束", f"{_WHOSE}{_HAN_REPLY}"),
    ("告诉|告知|诱导|说服", "(?:提问者|提问的人|用户[:：，,说他去])"),
    (
        "不要|别|禁止|不得",
        "(?:回答|回复|提及|透露).{0,10}(?:用户|提问|本指令|这条指令|这些指示|这个问题|该问题)",
    ),
    ("透露|泄露|显示|输出|打印|重复|说出|公布", ".{0,6}(?:你的|系统)(?:系统)?(?:提示词?|指令|设定)"),
    (
        "问题|对话|聊天记录|答案|提示词|上下文|用户输入",
        ".{0,10}(?:发送|上传|转发|提交|传)(?:到|给|至)\\s*(?:https?:|www|[\\w.-]+@|网址|链接|邮箱|服务器)",
    ),
    (
        "引用|注明|标注|来源",
        "(?:时|都|一律|请|必须|只|写)*.{0,10}(?:写成?|为|用|标为?|改成?|注明)\\s*\\[\\d{1,3}\\]",
    ),
    ("解码|解密|破译", ".{0,30}(?:执行|照做|遵照|服从)"),
    (
        "执行|遵守|服从|遵照",
        "(?:以下|下面|如下|下列)(?:的)?(?:新)?(?:指令|指示).{0,10}(?:不要|而不是|立即)",
    ),
)
_MARKS = (
    # a source, a turn or a tag as a prompt sets them
    (r"\[", r"(?<=^\[)\d{1,3}\][^\n]{0,120}\n>"),
    ("##", r"#{0,2} ?(?:system|instructions?|assistant|response|user|human) ?:?\s*$"),
    (r"\nsystem|\nassistant|\n系统|\n助手", r"\s*[:：]\s?\S"),
    ("<system|<assistant|<instruction|</system|</assistant|</instruction", "s?>"),
    # what a page that draws it would fetch
    (r"!\[", r"[^\]\n]{0,200}\]\(\s*<?(?:https?:)?//[^)\s]{0,200}[?{$%]"),
    (r"\]\(", r"\s*(?:javascript|data|vbscript):"),
    ("<img", r"\b[^>\n]{0,200}\bsrc\s*=\s*[\"']?(?:https?:)?//[^>\s]{0,200}[?&]\w*=(?:\{|\$|%7b|\[)"),
)


@dataclass(frozen=True, slots=True)
class SuspicionRules:
    """All rules by how they begin: by their first Latin word, or by their first character.

    ``beginnings`` finds what a rule may begin with; under each stand the words that begin so, with the
    patterns that match where such a word stands.
    """

    beginnings: re.Pattern[str]
    rules: Mapping[str, Sequence[tuple[str, re.Pattern[str]]]]

    def match(self, lowered: str) -> bool:
        """Whether a rule matches anywhere in a text in lower case."""
        return any(
            _stands(word, pattern, lowered)
            for beginning in set(self.beginnings.findall(lowered))
            for word, pattern in self.rules.get(beginning, ())
        )


@lru_cache(maxsize=1)
def suspicion_rules() -> SuspicionRules:
    """The rules; compiled when first asked for."""
    rules: defaultdict[str, list[tuple[str, re.Pattern[str]]]] = defaultdict(list)
    bounded = [(words, rf"\b(?:{words}){rest}") for words, rest in _ENGLISH]
    for words, pattern in (
        *bounded,
        *((words, f"(?:{words}){rest}") for words, rest in (*_CHINESE, *_MARKS)),
    ):
        compiled = re.compile(pattern, re.MULTILINE)
        for word in re.sub(r"\\(.)", _plain, words).split("|"):
            latin = _LATIN.match(word)
            rules[latin.group() if latin else word[0]].append((word, compiled))
    others = "".join(re.escape(beginning) for beginning in rules if not _LATIN.match(beginning))
    return SuspicionRules(re.compile(f"{_LATIN.pattern}|[{others}]"), rules)


def _stands(word: str, pattern: re.Pattern[str], lowered: str) -> bool:
    place = lowered.find(word)
    while place >= 0:
        if pattern.match(lowered, place):
            return True
        place = lowered.find(word, place + 1)
    return False


def _plain(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]
