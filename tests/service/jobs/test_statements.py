from __future__ import annotations

import json

import pytest

from ingest.errors import UploadError
from service.jobs.statements import stated_by_form


def test_what_is_stated_of_one_file_goes_before_what_is_stated_of_all() -> None:
    fields = {
        "metadata": json.dumps({"Year": 2024, "team": "a"}),
        "acl": "hr, board",
        "metadata_by_name": json.dumps({"b.txt": {"team": "b", "acl": ["it"]}}),
    }
    assert stated_by_form(fields, ["a.txt", "b.txt"]) == [
        {"year": 2024, "team": "a", "acl": ("hr", "board")},
        {"year": 2024, "team": "b", "acl": ("it",)},
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": "no JSON"},
        {"metadata": "[1]"},
        {"metadata": '{"a": {"b": 1}}'},
        {"metadata": '{"a": 1, "A": 2}'},
        {"metadata": '{"a": NaN}'},
        {"metadata": '{"a": "\\ud800"}'},
        {"metadata": '{"acl": []}'},
        {"acl": ""},
        {"acl": "hr,,it"},
        {"metadata_by_name": "[]"},
        {"metadata_by_name": '{"a.txt": 1}'},
        {"metadata_by_name": '{"strange.txt": {}}'},
        {"metadata_by_name": '{"a.txt": {"": 1}}'},
        {"metadata_by_name": "[" * 100_000},
    ],
)
def test_what_cannot_be_stated_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UploadError) as caught:
        stated_by_form(fields, ["a.txt"])
    assert "\n" not in str(caught.value)
