"""Frozen, typed settings from the environment; every variable begins with LIKEWISE_.

A wrong value stops the start with one line that names the variable. Secrets are masked wherever
they are printed. The README's table and `.env.example` are made from this class (`python -m bot
settings`), and a test keeps them true.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseSettings, Field, SecretStr, ValidationError, validator

from bot.keeping.daily import time_of_day
from bot.quiet import QuietHours

PREFIX = "LIKEWISE_"
ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A variable of the environment has a value that cannot be used."""


def _comma_list(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class Settings(BaseSettings):
    """What a city can set. Defaults run the demo city on this machine alone."""

    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the web server; 0 takes any.")
    public_url: str = Field(
        "", description="Address under which citizens and providers reach this server."
    )
    data_dir: Path = Field(Path("var"), description="Folder for the database and other own files.")
    database_url: SecretStr = Field(
        SecretStr(""),
        description="SQLAlchemy URL; empty means SQLite in the data folder. "
        "PostgreSQL: postgresql://user:password@host/name",
    )
    city_dir: Path = Field(
        ROOT / "data", description="Folder with the city's profile, phrases, topics and areas."
    )
    model_dir: Path = Field(Path("models"), description="Folder of trained models; newest wins.")
    languages: tuple[str, ...] = Field(
        ("en", "nl", "de", "da"), description="Languages the bot speaks; the first is the primary."
    )
    timezone: str = Field(
        "Europe/Amsterdam", description="IANA time zone of every spoken date and time."
    )
    quiet_hours: str = Field(
        "21:00-08:00",
        description="When no SMS with news is sent, in the city's time; answers come at any hour. "
        "Empty: never quiet.",
    )
    privacy_url: str = Field("/privacy", description="The city's privacy statement.")
    emergency_number: str = Field("112", description="Number given when someone is in danger.")
    session_days: int = Field(
        30, ge=1, le=365, description="Days after which an unused web session ends."
    )
    chat_origins: tuple[str, ...] = Field(
        (),
        description="Other origins whose pages may use the chat, e.g. https://www.city.example; "
        "the server's own pages always may.",
    )
    chat_messages_per_minute: int = Field(
        30, ge=0, description="Messages a minute and session; 0 switches the limit off."
    )
    chat_sessions_per_minute: int = Field(
        30, ge=0, description="New web sessions a minute and address; 0 switches the limit off."
    )
    photo_megabytes: int = Field(
        10, ge=1, le=50, description="Largest photo that a citizen may send, in MB."
    )
    photo_megapixels: int = Field(
        40, ge=1, le=200, description="Most pixels of such a photo, in millions."
    )
    photos_per_minute: int = Field(
        10, ge=0, description="Photos a minute and session; 0 switches the limit off."
    )
    photo_orphan_days: int = Field(
        7,
        ge=1,
        le=365,
        description="Days after which a photo that belongs to no report is deleted.",
    )
    retention_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days after its last message when a conversation loses its words; "
        "0 keeps them for ever.",
    )
    retention_report_days: int = Field(
        365,
        ge=0,
        le=3650,
        description="Days after it was finished when a report loses contact, followers and photos; "
        "0 keeps them for ever.",
    )
    purge_at: str = Field(
        "03:30",
        description="When the daily purge of what is kept long enough begins, in the city's time. "
        "Empty: only by `python -m bot purge`.",
    )
    backup_warn_days: int = Field(
        2,
        ge=0,
        le=365,
        description="Days after which the console warns that there is no newer backup; "
        "0 never warns.",
    )
    photo_store: Literal["folder", "s3"] = Field(
        "folder", description="Where photos lie: in the data folder, or in an S3 bucket."
    )
    s3_url: str = Field(
        "", description="S3-compatible server of the bucket, e.g. https://s3.city.example."
    )
    s3_bucket: str = Field("likewise", description="Private bucket for photos.")
    s3_region: str = Field("", description="Region of the bucket, where the server has such.")
    s3_access_key: SecretStr = Field(SecretStr(""), description="Access key of the bucket.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret key of the bucket.")
    open311_jurisdiction: str = Field(
        "", description="The city's jurisdiction_id in Open311; empty: none is asked for."
    )
    open311_publish: Literal["area", "street"] = Field(
        "area",
        description="What Open311 shows of where a citizen's report is: its area, or also the "
        "street and a position rounded to about 100 metres.",
    )
    open311_posts_per_minute: int = Field(
        60, ge=0, description="Open311 posts a minute and key; 0 switches the limit off."
    )
    open311_reads_per_minute: int = Field(
        120, ge=0, description="Open311 reads a minute and address; 0 switches the limit off."
    )
    notice_feeds: tuple[str, ...] = Field(
        (),
        description="Feeds of notices (iCalendar, GeoRSS, JSON), each with the language of its "
        "texts in front: nl=https://city.example/works.ics",
    )
    notice_pull_minutes: int = Field(
        30, ge=1, le=1440, description="Minutes between two pulls of the notice feeds."
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Proxies in front that add X-Forwarded-For and -Proto."
    )
    console_idle_minutes: int = Field(
        60, ge=5, le=720, description="Minutes after which an unused console session ends."
    )
    console_hours: int = Field(
        12, ge=1, le=72, description="Hours after which every console session ends."
    )
    oidc_issuer: str = Field(
        "", description="OpenID provider of the city's own accounts; empty: only own accounts."
    )
    oidc_client_id: str = Field("", description="Our name at the OpenID provider.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Our secret at the OpenID provider."
    )
    oidc_name: str = Field("your city account", description="What staff call that account.")
    oidc_role_claim: str = Field(
        "roles", description="Claim that gives the role; dots reach into objects."
    )
    oidc_roles: str = Field(
        "",
        description="Values of that claim and their roles: value=role,value=role "
        "(reader, agent, editor, administrator).",
    )
    turn_workers: int = Field(2, ge=1, le=32, description="Conversations answered at once.")
    lease_seconds: int = Field(
        60, ge=5, le=3600, description="How long a worker may hold a conversation."
    )
    handover_agent_minutes: int = Field(
        10, ge=1, le=1440, description="Minutes after which a silent agent gives the chat back."
    )
    handover_citizen_minutes: int = Field(
        30,
        ge=1,
        le=1440,
        description="Minutes after which a talk with a silent citizen ends.",
    )
    handover_wait_minutes: int = Field(
        20, ge=1, le=1440, description="Minutes that a citizen waits for a person to become free."
    )
    rating_rest_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days after which a citizen may be asked again whether they were helped; "
        "0 never asks.",
    )
    handover_webhook: str = Field(
        "", description="Address that is told when a citizen waits for a person; empty: none."
    )
    handover_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Key that signs what the web hook is told."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged; message texts never are above debug."
    )
    telegram_token: SecretStr = Field(
        SecretStr(""), description="Token of the Telegram bot; empty: no Telegram."
    )
    telegram_secret: SecretStr = Field(
        SecretStr(""), description="Secret that Telegram sends with each webhook call."
    )
    telegram_mode: Literal["webhook", "polling"] = Field(
        "polling", description="How Telegram messages arrive."
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org", description="Bot API server, e.g. the simulator's address."
    )
    twilio_account_sid: str = Field("", description="Twilio account; empty: no SMS.")
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="Twilio auth token.")
    twilio_from: str = Field("", description="Sending number (E.164) or messaging service (MG...).")
    twilio_api_url: str = Field(
        "https://api.twilio.com", description="Twilio API server, e.g. the simulator's address."
    )

    class Config:
        env_prefix = PREFIX
        frozen = True
        case_sensitive = False

        @classmethod
        def parse_env_var(cls, field_name: str, raw_val: str) -> Any:
            return raw_val

    @validator("languages", "chat_origins", "notice_feeds", pre=True)
    def _split(cls, value: Any) -> Any:
        return _comma_list(value)

    @validator("languages")
    def _some_language(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = {"en", "nl", "de", "da"}
        if not value or not set(value) <= known:
            raise ValueError(f"use one or more of {', '.join(sorted(known))}")
        return value

    @validator("timezone")
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError("not an IANA time zone such as Europe/Amsterdam") from error
        return value

    @validator("quiet_hours")
    def _hours(cls, value: str) -> str:
        QuietHours.of(value, ZoneInfo("UTC"))
        return value

    @validator("purge_at")
    def _time_of_day(cls, value: str) -> str:
        time_of_day(value)
        return value.strip()

    @validator("chat_origins", each_item=True)
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise ValueError("an origin is scheme://host[:port]")
        return value.rstrip("/").lower()

    @validator("public_url", "telegram_api_url", "twilio_api_url", "handover_webhook", "s3_url")
    def _address(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("an address begins with http:// or https://")
        return value.rstrip("/")

    @validator("oidc_issuer")
    def _issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            raise ValueError("the provider's address begins with https://")
        return value

    @validator("oidc_roles")
    def _role_mapping(cls, value: str) -> str:
        words = {"reader", "agent", "editor", "administrator"}
        for part in filter(None, (p.strip() for p in value.split(","))):
            name, sign, role = part.rpartition("=")
            if not (name and sign and role.strip().lower() in words):
                raise ValueError("use value=role,value=role with reader, agent, editor, ...")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def quiet(self) -> QuietHours | None:
        """The quiet hours where the city is."""
        return QuietHours.of(self.quiet_hours, self.zone)

    @property
    def primary_language(self) -> str:
        return self.languages[0]

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        url = self.database_url.get_secret_value()
        if url.startswith("postgres://"):
            url = "postgresql://" + url[len("postgres://") :]
        return url or f"sqlite:///{(self.data_dir / 'likewise.db').resolve()}"


def load(**overrides: Any) -> Settings:
    """Settings from the environment, with overrides by field name.

    Raises SettingsError with one line a variable when a value cannot be used.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def describe() -> list[tuple[str, str, str]]:
    """(variable, default, description) for each setting, in order."""
    rows = []
    for name, field in Settings.__fields__.items():
        default: Any = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if isinstance(default, tuple):
            default = ",".join(default)
        if isinstance(default, Path) and default.is_absolute():
            default = default.relative_to(ROOT)
        rows.append((PREFIX + name.upper(), str(default), field.field_info.description or ""))
    return rows


def table() -> str:
    """The settings as a Markdown table, as the README shows it."""
    lines = ["| variable | default | what it does |", "| --- | --- | --- |"]
    for variable, default, text in describe():
        lines.append(f"| `{variable}` | {f'`{default}`' if default else ''} | {text} |")
    return "\n".join(lines)


def env_example() -> str:
    """The text of `.env.example`: every setting, commented out, with its default."""
    lines = ["# Settings of Likewise. Copy to .env and change what you need."]
    for variable, default, text in describe():
        lines += ["", f"# {text}", f"#{variable}={default}"]
    return "\n".join(lines) + "\n"
