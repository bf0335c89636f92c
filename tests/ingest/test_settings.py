"""Settings: who wins, what is refused, what is hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ingest.errors import SettingsError
from ingest.settings import Origin, Settings, leaf_keys, load_settings, load_settings_with_origins

SECRET = "sk-very-secret"


def load(
    directory: Path, toml: str = "", environment: dict[str, str] | None = None, **overrides: Any
) -> tuple[Settings, dict[str, Origin]]:
    """Settings from a file, an environment and a command line (with ``__`` for dots)."""
    if toml:
        (directory / "troika.toml").write_text(toml, "utf-8")
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_settings_with_origins(dotted, environment=environment or {}, directory=directory)


def test_defaults_hold_when_nothing_is_set(tmp_path: Path) -> None:
    settings, origins = load(tmp_path)
    assert settings == Settings()
    assert set(origins) == set(leaf_keys())
    assert set(origins.values()) == {Origin.DEFAULT}


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    toml = "[server]\nport = 1\nhost = 'file'\nmax_request_bytes = 1"
    environment = {"TROIKA_SERVER__PORT": "2", "TROIKA_SERVER__HOST": "environment"}
    settings, origins = load(tmp_path, toml, environment, server__port=3)
    server = settings.server
    assert (server.port, server.host, server.max_request_bytes) == (3, "environment", 1)
    assert server.max_question_characters == Settings().server.max_question_characters
    assert [
        origins[f"server.{key}"] for key in ("port", "host", "max_request_bytes", "max_question_characters")
    ] == [
        Origin.COMMAND_LINE,
        Origin.ENVIRONMENT,
        Origin.FILE,
        Origin.DEFAULT,
    ]


def test_an_option_that_was_not_given_overrides_nothing(tmp_path: Path) -> None:
    settings, origins = load(tmp_path, "collection = 'handbook'", collection=None)
    assert settings.collection == "handbook"
    assert origins["collection"] is Origin.FILE


def test_the_environment_names_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("collection = 'other'")
    settings, _ = load(tmp_path, "collection = 'here'", {"TROIKA_CONFIG": str(other)})
    assert settings.collection == "other"


def test_a_list_is_separated_by_commas_in_the_environment(tmp_path: Path) -> None:
    settings, _ = load(tmp_path, environment={"TROIKA_GENERATOR__LANGUAGES": "en, zh"})
    assert settings.generator.languages == ("en", "zh")


def test_other_variables_are_none_of_our_business(tmp_path: Path) -> None:
    assert load(tmp_path, environment={"PATH": "/bin", "MYTROIKA_HOME": "x"})[0] == Settings()


@pytest.mark.parametrize(
    ("toml", "environment", "message"),
    [
        ("colection = 'x'", {}, "unknown setting 'colection' from the file"),
        ("[server]\nprot = 1", {}, "unknown setting 'server.prot' from the file"),
        ("server = 1", {}, "unknown setting 'server' from the file"),
        ("", {"TROIKA_SERVER__PROT": "1"}, "unknown setting 'server.prot' from the environment"),
        ("[server]\nport = 'many'", {}, "setting 'server.port' is 'many'.*in the file"),
        ("", {"TROIKA_SERVER__PORT": "70000"}, "setting 'server.port' is '70000'.*in the environment"),
        ("[generator]\nlanguages = ['en', 3]", {}, "setting 'generator.languages' is 3.*in the file"),
        ("[generator]\nkind = 'magic'", {}, "setting 'generator.kind' is 'magic'.*in the file"),
        ("[server\n", {}, "troika.toml cannot be read as TOML"),
        ("", {"TROIKA_CONFIG": "/no/such/file"}, "TROIKA_CONFIG names '/no/such/file'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(
    tmp_path: Path, toml: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, toml, environment)


def test_a_file_of_other_bytes_than_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "troika.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load(tmp_path)


def test_an_unknown_option_of_a_caller_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'server\.prot' from the command line"):
        load(tmp_path, server__prot=1)


@pytest.mark.parametrize("section", ["embedder", "generator"])
def test_a_secret_does_not_show(tmp_path: Path, section: str) -> None:
    settings, _ = load(tmp_path, environment={f"TROIKA_{section.upper()}__API_KEY": SECRET})
    key = getattr(settings, section).api_key
    assert key.get_secret_value() == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_secret_of_the_wrong_type_does_not_show_either(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"generator\.api_key") as raised:
        load(tmp_path, f"[generator]\napi_key = ['{SECRET}']")
    assert SECRET not in str(raised.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().server.port = 1


def test_reading_settings_twice_gives_equal_settings(tmp_path: Path) -> None:
    assert load_settings({}, environment={}, directory=tmp_path) == load_settings(
        None, environment={}, directory=tmp_path
    )


def test_tables_of_names_and_lists_come_from_the_file_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "troika.toml").write_text(
        '[routing.aliases]\nsupport-zh = "sft@0123abcd"\n[generator]\nbase_urls = ["http://one/v1"]\n'
    )
    read = load_settings(environment={}, directory=tmp_path)
    assert read.routing.aliases == {"support-zh": "sft@0123abcd"}
    assert read.generator.servers == ("http://one/v1",)
    environment = {
        "TROIKA_ROUTING__COLLECTIONS": "handbook=support-zh, other = base",
        "TROIKA_GENERATOR__BASE_URL": "http://one/v1",
        "TROIKA_GENERATOR__BASE_URLS": "http://two/v1, http://one/v1",
    }
    named = load_settings(environment=environment, directory=tmp_path)
    assert named.routing.collections == {"handbook": "support-zh", "other": "base"}
    assert named.generator.servers == ("http://one/v1", "http://two/v1")
    assert load_settings(environment={}, directory=tmp_path / "nowhere").generator.servers == ()
