from __future__ import annotations

import codecs
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ParseError, WrongExtensionError
from ingest.parsers.decode import decode_text

_CHINESE = "检索增强生成先找到相关的段落，然后根据这些段落回答问题，并且给出引用。"
_TRADITIONAL = "檢索增強生成先找到相關的段落，然後根據這些段落回答問題，並且給出引用。"
_JAPANESE = "設定ファイルを変更した後、サービスを再起動してください。"
_KOREAN = "설정 파일을 변경한 후 서비스를 다시 시작하십시오."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (_CHINESE, "utf-8"),
        (_CHINESE, "utf-8-sig"),
        (_CHINESE, "gb18030"),
        (_CHINESE[:12], "gb18030"),
        (_TRADITIONAL, "big5"),
        (_JAPANESE, "shift_jis"),
        (_JAPANESE, "euc_jp"),
        (_KOREAN, "cp949"),
        (_CHINESE, "utf-16"),
        ("plain English text, and some more of it\n", "utf-16-le"),
        ("plain English text, and some more of it\n", "utf-16-be"),
        (_CHINESE, "utf-32"),
        ("L'élève a été très déçu par la réponse.", "cp1252"),
        ("Die Größe der Straße hängt von der Übung ab.", "cp1252"),
        ("Настройки сервера хранятся в файле конфигурации, который читается при запуске.", "cp1251"),
    ],
)
def test_the_encoding_is_told_from_the_bytes(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


def test_a_declared_encoding_is_believed_unless_the_bytes_are_utf8() -> None:
    assert decode_text("Łódź żółć".encode("cp1250"), "windows-1250") == "Łódź żółć"
    assert decode_text(_CHINESE.encode("utf-8"), "gb2312") == _CHINESE
    assert decode_text(_CHINESE.encode("gb18030"), "utf-8") == _CHINESE
    assert decode_text(b"plain", "no-such-encoding") == "plain"


def test_a_few_broken_bytes_do_not_spoil_utf8() -> None:
    content = (_CHINESE * 20).encode() + b"\xff" + _CHINESE.encode()
    assert decode_text(content) == f"{_CHINESE * 20}\ufffd{_CHINESE}"
    assert decode_text(b"plain text " * 20 + b"\x81 end").endswith(" end")


def test_a_broken_byte_does_not_hide_the_encoding() -> None:
    content = (_CHINESE * 5).encode("gb18030") + b"\xff\n" + _CHINESE.encode("gb18030")
    assert decode_text(content) == f"{_CHINESE * 5}\ufffd\n{_CHINESE}"


def test_stray_nuls_are_removed() -> None:
    assert decode_text(b"one\0 two\0 three and some more text") == "one two three and some more text"


def test_binary_data_is_refused() -> None:
    with pytest.raises(WrongExtensionError):
        decode_text(bytes(range(256)) * 20)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF8])
def test_a_bare_mark_is_empty_text(mark: bytes) -> None:
    assert decode_text(mark) == ""


@pytest.mark.parametrize("content", [b"\x80", b"\xff" * 7, b"\xa4\xe9\xff\x81" * 50])
def test_garbage_gives_text_or_a_parse_error(content: bytes) -> None:
    with suppress(ParseError):
        assert "\0" not in decode_text(content)


_TEXTS = {
    "zh": (
        "检索增强生成先在公司的文档里找到与问题有关的段落，然后让模型根据这些段落写出回答，并且为每一句话给"
        "出可以核对的引用。管理员每天晚上导入新的文件，系统会比较内容的哈希值，只重新处理改动过的部分。如果"
        "一个文件损坏或者需要密码，日志里会写明原因，其余的文件照常处理。用户可以给回答打分，这些评价之后会"
        "变成训练数据，新的模型只有在测试中更好时才会上线。服务器停机之前请先备份数据目录，恢复时把目录复制"
        "回去再启动即可。"
    ),
    "tw": (
        "檢索增強生成先在公司的文件裡找到與問題有關的段落，然後讓模型根據這些段落寫出回答，並且為每一句話給"
        "出可以核對的引用。管理員每天晚上匯入新的檔案，系統會比較內容的雜湊值，只重新處理改動過的部分。如果"
        "一個檔案損壞或者需要密碼，日誌裡會寫明原因，其餘的檔案照常處理。使用者可以給回答打分數，這些評價之"
        "後會變成訓練資料，新的模型只有在測試中更好時才會上線。伺服器停機之前請先備份資料目錄，恢復時把目錄"
        "複製回去再啟動即可。"
    ),
    "ja": (
        "検索拡張生成では、まず社内の文書から質問に関係する段落を探し、次にその段落をもとにモデルが回答を書"
        "きます。すべての文には確認できる引用が付きます。管理者は毎晩新しいファイルを取り込み、システムは内"
        "容のハッシュを比べて、変更された部分だけを処理します。ファイルが壊れている場合やパスワードが必要な"
        "場合は、理由がログに書かれ、ほかのファイルはそのまま処理されます。利用者の評価は、あとで学習のデー"
        "タになります。サーバーを止める前に、データのフォルダーを必ず保存してください。"
    ),
    "ko": (
        "검색 증강 생성은 먼저 회사 문서에서 질문과 관련된 단락을 찾은 다음 모델이 그 단락을 바탕으로 "
        "답변을 작성하게 합니다. 모든 문장에는 확인할 수 있는 인용이 붙습니다. 관리자는 매일 밤 새로운 "
        "파일을 가져오고 시스템은 내용의 해시를 비교하여 바뀐 부분만 다시 처리합니다. 파일이 손상되었거나 "
        "암호가 필요하면 그 이유가 기록되고 나머지 파일은 그대로 처리됩니다. 사용자의 평가는 나중에 학습 "
        "데이터가 됩니다."
    ),
    "fr": (
        "L'ingénierie des systèmes de recherche a beaucoup évolué. D'abord, le système cherche les "
        "paragraphes liés à la question, puis le modèle rédige une réponse à partir de ces extraits. "
        "Chaque phrase est accompagnée d'une citation que l'on peut vérifier. Où les fichiers sont abîmés, "
        "la raison est écrite dans le journal ; le coût total reste très faible, même à Noël."
    ),
    "de": (
        "Die Suche findet zuerst die Absätze, die zur Frage gehören, und danach schreibt das Modell eine "
        "Antwort, die sich auf diese Stellen stützt. Für jeden Satz gibt es einen überprüfbaren Beleg. "
        "Größere Dateien werden während der Nacht übernommen; beschädigte Dateien stören die übrigen "
        "nicht, und die Gründe stehen ausführlich im Protokoll."
    ),
    "ru": (
        "Сначала система находит в документах компании абзацы, которые относятся к вопросу, а затем модель "
        "пишет ответ на основе этих абзацев. Каждое предложение сопровождается ссылкой, которую можно "
        "проверить. Администратор каждую ночь загружает новые файлы, и система обрабатывает только то, что "
        "изменилось. Если файл повреждён или требует пароль, причина записывается в журнал."
    ),
}
_ENCODINGS = {
    "zh": (
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "gb18030",
        "gbk",
        "gb2312",
        "hz",
    ),
    "tw": ("utf-8", "utf-16-le", "big5", "cp950", "big5hkscs", "gb18030"),
    "ja": ("utf-8", "utf-16-le", "shift_jis", "cp932", "euc_jp", "iso2022_jp"),
    "ko": ("utf-8", "utf-16-be", "euc_kr", "cp949"),
    "fr": ("utf-8", "utf-16-le", "cp1252", "latin-1"),
    "de": ("utf-8", "utf-16-be", "cp1252", "latin-1"),
    "ru": ("utf-8", "utf-16-le", "cp1251", "koi8-r", "iso8859-5", "cp866"),
}
_CASES = [(language, encoding) for language, encodings in _ENCODINGS.items() for encoding in encodings]


@pytest.mark.parametrize(("language", "encoding"), _CASES)
@given(data=st.data())
def test_two_hundred_characters_of_any_text_come_back(
    language: str, encoding: str, data: st.DataObject
) -> None:
    words = _TEXTS[language]
    start = data.draw(st.integers(0, len(words) - 1))
    length = data.draw(st.integers(200, 600))
    text = ((words[start:] + words) * 4)[:length].strip()
    assert decode_text(text.encode(encoding)) == text


def test_escapes_that_lead_to_no_words_are_text() -> None:
    source = "a ~{ brace ~} and a ~/path in a shell script\n"
    assert decode_text(source.encode()) == source


def test_names_beyond_the_standard_of_shift_jis_are_read() -> None:
    assert decode_text("名前,住所\n髙橋,大阪の北\n".encode("cp932")) == "名前,住所\n髙橋,大阪の北\n"
