"""Settings: typed, documented, masked, and clear about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import ROOT, SettingsError, describe, env_example, load, table


def test_readme_shows_the_table_of_settings_as_the_class_has_it() -> None:
    assert table() in (ROOT / "README.md").read_text("utf-8")


def test_env_example_is_made_from_the_class() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == env_example()


def test_every_setting_says_what_it_does() -> None:
    assert all(text.strip() for _, _, text in describe())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LIKEWISE_PORT", "eighty"),
        ("LIKEWISE_PORT", "70000"),
        ("LIKEWISE_TIMEZONE", "Europe/Atlantis"),
        ("LIKEWISE_LANGUAGES", "en,xx"),
        ("LIKEWISE_LANGUAGES", ""),
        ("LIKEWISE_CHAT_ORIGINS", "city.example"),
        ("LIKEWISE_CHAT_MESSAGES_PER_MINUTE", "-1"),
        ("LIKEWISE_TELEGRAM_MODE", "pigeon"),
        ("LIKEWISE_PUBLIC_URL", "ftp://city.example"),
    ],
)
def test_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        load()


def test_secrets_are_masked_wherever_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEWISE_DATABASE_URL", "postgresql://user:hush@db/likewise")
    monkeypatch.setenv("LIKEWISE_TELEGRAM_TOKEN", "12:hush")
    settings = load()
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.dict())
    assert settings.database.endswith("hush@db/likewise")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load().port = 1  # type: ignore[misc]


def test_the_database_is_a_file_in_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    assert load(data_dir=tmp_path).database == f"sqlite:///{tmp_path / 'likewise.db'}"
