"""An XML tree that holds data -> nested values, as JSON would say them."""

from __future__ import annotations

from ingest.parsers.records import Value
from ingest.parsers.xml_names import name_of, own_text
from ingest.parsers.xml_tree import Element

_TEXT_KEY = "text"
_ABOUT_THE_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}"


def value_of(element: Element) -> Value:
    """The text of an element that has nothing else, else its attributes and children by name.

    Children of one name become a list.
    """
    found: dict[str, list[Value]] = {}
    for key, value in element.items():
        if not key.startswith(_ABOUT_THE_SCHEMA):
            found.setdefault(key.rpartition("}")[2], []).append(value)
    for child in element:
        if isinstance(child.tag, str):
            found.setdefault(name_of(child), []).append(value_of(child))
    text = own_text(element)
    if not found:
        return text
    if text:
        found.setdefault(_TEXT_KEY, []).append(text)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
