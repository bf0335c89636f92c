"""Personal data is found and covered; numbers that are nobody's stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.privacy.checks import is_card, is_chinese_id, is_iban
from service.privacy.find import COVER, covered, find_data

PERSONAL = [
    ("Write to jane.doe+work@mail.acme.co.uk.", "EMAIL", "jane.doe+work@mail.acme.co.uk"),
    ("请发邮件到zhang.san@163.com，谢谢", "EMAIL", "zhang.san@163.com"),
    ("Call +44 20 7946 0958 today", "PHONE", "+44 20 7946 0958"),
    ("手机+86 138 1234 5678。", "PHONE", "+86 138 1234 5678"),
    ("张三的手机号是13812345678，请联系", "PHONE", "13812345678"),
    ("我的号码139-1234-5678", "PHONE", "139-1234-5678"),
    ("座机010-62345678转801", "PHONE", "010-62345678"),
    ("办公室（0755）82345678", "PHONE", "（0755）82345678"),
    ("电话：82345678", "PHONE", "82345678"),
    ("Tel. 555 234 9876", "PHONE", "555 234 9876"),
    ("reach me at (212) 736-5000", "PHONE", "(212) 736-5000"),
    ("or 301-496-7422.", "PHONE", "301-496-7422"),
    ("身份证号11010519491231002X", "ID", "11010519491231002X"),
    ("SSN 123-45-6789", "ID", "123-45-6789"),
    ("card 4111 1111 1111 1111 expired", "CARD", "4111 1111 1111 1111"),
    ("卡号6222021234567890128", "CARD", "6222021234567890128"),
    ("IBAN DE89 3704 0044 0532 0130 00", "IBAN", "DE89 3704 0044 0532 0130 00"),
    ("from 93.184.216.34 at noon", "IP", "93.184.216.34"),
    ("客户端地址2400:3200::1", "IP", "2400:3200::1"),
    ("OPENAI_API_KEY=sk-proj-Ab3dEf6hIj9kLm2nOp5q", "SECRET", "sk-proj-Ab3dEf6hIj9kLm2nOp5q"),
    ("AWS key AKIAIOSFODNN7EXAMPLE", "SECRET", "AKIAIOSFODNN7EXAMPLE"),
    ('secret_key: "09d25e094faa6ca2556c818166b7a956"', "SECRET", "09d25e094faa6ca2556c818166b7a956"),
    ("postgresql://ann:s3cr3t-w0rd@db.acme.io/x", "LOGIN", "ann:s3cr3t-w0rd"),
    ("车牌京A12345", "PLATE", "京A12345"),
    ("粤B·D12345", "PLATE", "粤B·D12345"),
]

NOBODYS = [
    "Version 10.15.7.120 and v1.2.3.40 replaced release 2024.11.21.",
    "On 2026-11-21 at 12:30:45, in 1998-2003, pages 123-127.",
    "《民法典》第一千一百八十八条，第1188条；法释〔2020〕17号；(2019)京01民终12345号",
    "订单号13812345678，流水号：15912345678",
    "order no. 4111111111111111, ISBN 978-7-04-050694-5, DOI 10.1145/3292500.3330701",
    "Call toll-free 1-800-422-6237 or 400-810-8888.",
    "listen on 127.0.0.1, 0.0.0.0, 192.168.1.10, 10.0.0.8 or 192.0.2.44, as of section 3.2.1.4",
    "write to user@example.com or git clone git@github.com:acme/app.git",
    "mysql://user:password@localhost/db and postgres://${USER}:${PASSWORD}@db",
    "π is 3.14159265358979, e is 2.718281828459045, 1.1 x 10^12, 123456789",
    "pip install torch==2.13.0 numpy@2.2.1",
    "https://news.example.org/a/13812345678.html?id=4111111111111111",
    "身份证号110105194912310021",
    "std::vec::Vec, a::b, 12:30:45, dead:beef",
    "the token is used as a password in the secret key exchange",
    "population 1 339 724 852, 86 138 people, GDP 6222021234567890127",
    "新A股和云B端的2024计划",
]


@pytest.mark.parametrize(("text", "kind", "value"), PERSONAL)
def test_personal_data_is_found(text: str, kind: str, value: str) -> None:
    found = [(finding.kind.value, text[finding.start : finding.end]) for finding in find_data(text)]
    assert found == [(kind, value)]


@pytest.mark.parametrize("text", NOBODYS)
def test_what_only_looks_personal_stays(text: str) -> None:
    assert [text[finding.start : finding.end] for finding in find_data(text)] == []


@given(st.text("0123456789", min_size=12, max_size=18), st.integers(1, 9))
def test_one_wrong_digit_makes_a_card_number_wrong(digits: str, change: int) -> None:
    number = "4" + digits
    whole = next(number + str(last) for last in range(10) if is_card(number + str(last)))
    wrong = whole[:5] + str((int(whole[5]) + change) % 10) + whole[6:]
    assert not is_card(wrong)


@given(st.dates(), st.integers(110000, 659999), st.integers(0, 999), st.integers(1, 9))
def test_one_wrong_digit_makes_an_identity_number_wrong(
    day: object, region: int, serial: int, change: int
) -> None:
    start = f"{region}{str(day).replace('-', '')}{serial:03}"
    (whole,) = [start + last for last in "0123456789X" if is_chinese_id(start + last)]
    wrong = str((int(whole[0]) + change) % 10) + whole[1:]
    assert not is_chinese_id(wrong)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=11, max_size=30), st.integers(0, 95))
def test_of_all_check_digits_of_an_iban_one_pair_is_right(account: str, shift: int) -> None:
    right = [pair for pair in range(2, 99) if is_iban(f"GB{pair:02}{account}")]
    assert len(right) == 1
    assert not is_iban(f"GB{(right[0] - 2 + shift % 96 + 1) % 97 + 2:02}{account}")


@given(st.lists(st.sampled_from([text for text, _, _ in PERSONAL] + NOBODYS + ["[1]", "\n", "𠮷好"])))
def test_covering_moves_nothing_and_leaves_nothing_to_cover(parts: list[str]) -> None:
    text = " ".join(parts)
    shown = covered(text)
    assert len(shown) == len(text)
    assert all(sign in (was, COVER) for was, sign in zip(text, shown, strict=True))
    assert find_data(shown) == []


@pytest.mark.parametrize("corpus", ["squad2_en", "cmrc2018_zh", "stard_law_zh"])
def test_encyclopedias_and_laws_hold_nothing_personal(shared_data: Path, corpus: str) -> None:
    lines = (shared_data / "dev" / corpus / "corpus.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    assert [text[f.start : f.end] for text in texts for f in find_data(text)] == []
