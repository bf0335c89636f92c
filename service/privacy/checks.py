"""Whether a number that looks like personal data can be it: check digits, and numbers that nobody has."""

from __future__ import annotations

import ipaddress
import re
from datetime import date

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_LARGE_OCTET = 32
"""An IPv4 address of smaller numbers alone is rather a version or a section: one in 4096 is."""

# +1 800 and its kin, +86 400 and 800.
_SERVICE_NUMBER = re.compile(r"1?8(?:00|33|44|55|66|77|88)\d{7}|(?:86)?[48]00\d{7}")
_NO_DOMAIN = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid|localhost|local|service|slice|socket)$"
)
_FORM = re.compile(r"[][${}<>*%]|^\W+$|xxx")
_NO_PASSWORD = re.compile(
    r"pass(?:word|wd)?|pwd|secret|your[-_]?password|root|admin|test|1234\d*", re.IGNORECASE
)


def is_chinese_id(number: str) -> bool:
    """GB 11643-1999: a day that was, and ISO 7064 MOD 11-2 over the first 17 digits."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    weighted = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[weighted % 11] == number[17].upper()


def is_social_security_number(number: str) -> bool:
    """None that is never given out: area 000, 666 or from 900, group 00, serial 0000."""
    area, group, serial = number.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def is_iban(number: str) -> bool:
    """ISO 13616: the number, its first four characters last and letters from 10 on, is 1 modulo 97."""
    signs = number.replace(" ", "")
    moved = signs[4:] + signs[:4]
    return 15 <= len(signs) <= 34 and int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def is_card(number: str) -> bool:
    """Luhn's check digit (ISO/IEC 7812-1)."""
    digits = [int(sign) for sign in number if sign.isdigit()]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def is_public_address(address: str) -> bool:
    """An IP address that belongs to someone: global, unicast, and not made of small numbers alone."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed in _GLOBAL_UNICAST and parsed.is_global
    return parsed.is_global and not parsed.is_multicast and max(parsed.packed) >= _LARGE_OCTET


def is_phone(number: str) -> bool:
    """A possible length (E.164), and neither a toll-free nor a shared-cost number, which is a company's."""
    digits = re.sub(r"\D", "", number)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2 and not _SERVICE_NUMBER.fullmatch(digits)


def is_mail_domain(domain: str) -> bool:
    """None of the domains that RFC 2606 sets aside for examples, and no unit of systemd."""
    return _NO_DOMAIN.search(domain.lower()) is None


def is_password(text: str) -> bool:
    """Neither a form to fill in (``${PASSWORD}``, ``***``) nor what every manual writes there."""
    return not _FORM.search(text) and not _NO_PASSWORD.fullmatch(text)


def is_key(text: str) -> bool:
    """Long text that mixes letters and digits, of many different signs."""
    mixed = re.search(r"\d", text) and re.search(r"[A-Za-z]", text)
    return bool(mixed) and len(set(text)) >= 10
