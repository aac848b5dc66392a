"""Signing in with the city's own account, against a small OpenID provider on loopback.

The provider here is honest by default; each test lets it lie in one way.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from aiohttp import BasicAuth, web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from bot.console.office import Office
from bot.console.provider import Provider, ProviderOptions, roles_of
from bot.console.roles import Role
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter, member

CLIENT, SECRET = "console", "a client secret"


class City:
    """A provider: discovery, keys, token. `claims` and `lies` change what it says."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.key: Any = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
        self.published = [self.key]
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.id_token: str | None = None
        self.key_fetches = 0

    async def open(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._jwks)
        app.router.add_post("/token", self._token)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
            | self.document
        )

    async def _jwks(self, request: web.Request) -> web.Response:
        self.key_fetches += 1
        return web.json_response(KeySet(self.published).as_dict(private=False))

    def consent(self, address: str) -> dict[str, str]:
        """What the citizen's browser would do at the authorization endpoint: gives the answer."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form.get("code")), None)
        known = BasicAuth.decode(request.headers["Authorization"]) == BasicAuth(CLIENT, SECRET)
        verifier = str(form.get("code_verifier", "")).encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        if not (asked and known and challenge == asked["code_challenge"]):
            return web.json_response({"error": "invalid_grant"}, status=400)
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "u-17",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": "Noor.Verhagen",
            "roles": ["city-agents"],
        } | self.claims
        claims = {k: v for k, v in claims.items() if v is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid or "none"}
        token = self.id_token
        if token is None:
            token = jwt.encode(header, claims, self.key, algorithms=[self.algorithm])
        return web.json_response({"id_token": token, "access_token": "x", "token_type": "Bearer"})


@pytest_asyncio.fixture
async def city(clock: FakeClock) -> AsyncIterator[City]:
    made = City(clock)
    await made.open()
    yield made
    await made.runner.cleanup()


@pytest.fixture
def office(office: Office, city: City, clock: FakeClock) -> Office:
    options = ProviderOptions(
        city.issuer, CLIENT, SECRET, "Testburg account", "roles",
        roles_of("city-readers=reader, city-agents=agent, city-chiefs=administrator"),
    )  # fmt: skip
    office.more["provider"] = Provider(options, clock)
    return office


async def go(counter: Counter, city: City, browser: Browser, **changes: str) -> Browser:
    """From the button to the way back."""
    await browser.get("/sign-in/provider?next=/account")
    assert browser.status == 303, browser.text
    answer = {**city.consent(browser.location), **changes}
    return await browser.get(
        "/sign-in/provider/back?" + "&".join(f"{k}={v}" for k, v in answer.items())
    )


async def test_a_city_account_signs_in_with_the_role_of_its_claim(
    counter: Counter, city: City
) -> None:
    browser = await counter.browser()
    await browser.get("/sign-in")
    assert "Testburg account" in browser.text
    await go(counter, city, browser)
    assert (browser.status, browser.location) == (303, "/account")
    await browser.follow()
    assert "noor.verhagen" in browser.text
    found = await counter.office.staff.by_subject(f"{city.issuer}|u-17")
    assert found is not None
    assert (found.role, found.password_hash) == ("agent", None)
    city.claims = {"roles": "city-chiefs"}
    other = await counter.browser()
    await go(counter, city, other)
    assert (await other.get("/audit")).status == 200
    assert (await browser.get("/")).status == 303  # a new role ends older sessions
    assert len(await counter.office.staff.everyone()) == 1


async def test_an_account_made_by_hand_is_never_taken_over_by_its_name(
    counter: Counter, city: City
) -> None:
    own = await member(counter.office, "noor.verhagen", "administrator")
    browser = await counter.browser()
    await go(counter, city, browser)
    assert browser.status == 303
    everyone = await counter.office.staff.everyone()
    assert len(everyone) == 2
    assert (await counter.office.staff.by_id(own.id)).subject is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT, "other"], "azp": "other"},
        {"exp": 1},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"iat": 4_000_000_000},
        {"roles": []},
        {"roles": "nobody"},
        {"roles": {"city-chiefs": True}},
        {"roles": None},
    ],
)
async def test_a_token_that_is_not_right_signs_nobody_in(
    counter: Counter, city: City, lie: dict[str, Any]
) -> None:
    city.claims = lie
    browser = await counter.browser()
    await go(counter, city, browser)
    assert browser.status == 403
    assert "did not work" in browser.text
    assert (await browser.get("/")).status == 303
    assert await counter.office.staff.everyone() == []


async def test_a_forged_or_unsigned_token_signs_nobody_in(counter: Counter, city: City) -> None:
    honest = city.key
    stranger = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(b'{"sub":"u-17"}').decode().rstrip("=")
    for key, algorithm, token in (
        (stranger, "RS256", None),
        (OctKey.import_key(SECRET * 2, {"kid": "k1"}), "HS256", None),
        (honest, "RS256", f"{none}.{body}."),
        (honest, "RS256", "not a token"),
        (honest, "RS256", ""),
    ):
        city.key, city.algorithm, city.id_token = key, algorithm, token
        city.published = [honest]
        browser = await counter.browser()
        await go(counter, city, browser)
        assert browser.status == 403, (algorithm, token)
    assert await counter.office.staff.everyone() == []


async def test_state_of_another_browser_or_used_twice_is_refused(
    counter: Counter, city: City
) -> None:
    first, second = await counter.browser(), await counter.browser()
    await go(counter, city, first, state="guessed")
    assert first.status == 403
    await first.get("/sign-in/provider")
    answer = city.consent(first.location)
    back = f"/sign-in/provider/back?code={answer['code']}&state={answer['state']}"
    await second.get(back)  # without the cookie of the first
    assert second.status == 403
    await first.get(back)
    assert first.status == 303
    await first.get(back)
    assert first.status == 403


async def test_an_error_or_nothing_from_the_provider_is_refused(
    counter: Counter, city: City
) -> None:
    for answer in ("?error=access_denied&state=x", "", "?code=x", "?state=" + "x" * 5000):
        browser = await counter.browser()
        await browser.get("/sign-in/provider")
        await browser.get("/sign-in/provider/back" + answer)
        assert browser.status == 403


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": ""},
    ],
)
async def test_a_wrong_discovery_document_is_refused(
    counter: Counter, city: City, document: dict[str, Any]
) -> None:
    city.document = document
    browser = await counter.browser()
    await browser.get("/sign-in/provider")
    assert browser.status == 403


async def test_a_provider_that_is_away_leaves_own_accounts_working(
    counter: Counter, city: City
) -> None:
    await city.runner.cleanup()
    browser = await counter.browser()
    await browser.get("/sign-in/provider")
    assert browser.status == 403
    await member(counter.office, "ties", "reader")
    await browser.sign_in("ties")
    assert browser.status == 303


async def test_new_keys_of_the_provider_are_fetched_once(counter: Counter, city: City) -> None:
    browser = await counter.browser()
    await go(counter, city, browser)
    city.key = ECKey.generate_key("P-256", {"kid": "k2", "alg": "ES256"})
    city.algorithm, city.published = "ES256", [city.key]
    other = await counter.browser()
    await go(counter, city, other)
    assert other.status == 303
    assert city.key_fetches == 2


async def test_a_disabled_account_stays_out(counter: Counter, city: City, clock: FakeClock) -> None:
    browser = await counter.browser()
    await go(counter, city, browser)
    (made,) = await counter.office.staff.everyone()
    await counter.office.staff.change(made.id, disabled_at=clock())
    await go(counter, city, browser)
    assert browser.status == 403


def test_the_mapping_and_the_issuer_are_checked_at_the_start(clock: FakeClock) -> None:
    assert roles_of("a=b=reader") == {"a=b": Role.READER}
    for bad in ("reader", "=reader", "x=king"):
        with pytest.raises(ValueError):
            roles_of(bad)
    options = ProviderOptions("http://city.example", CLIENT, SECRET, "", "roles", {})
    with pytest.raises(ValueError):
        Provider(options, clock)
