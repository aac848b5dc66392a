"""Signing in with the city's own accounts: OpenID Connect, authorization code with PKCE.

What the provider says is believed only when it is signed by a key of its own, meant for us, fresh,
and an answer to the question that this browser asked (state, nonce, verifier: OpenID Connect Core
1.0, RFC 7636, RFC 9700). The role comes from a claim by the mapping in the settings; whoever has
none of the mapped values gets no account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bot.console.roles import Role
from bot.store.rows import Clock

ALGORITHMS = ["RS256", "PS256", "ES256"]
LEEWAY_SECONDS = 60
PATIENCE = aiohttp.ClientTimeout(total=10)
MOST_BYTES = 512 * 1024
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ProviderRefused(Exception):
    """The sign-in cannot be believed; the message is for the log, never for the page."""


@dataclass(frozen=True)
class ProviderOptions:
    """What the settings say of the provider. `roles` maps values of the claim to our roles."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    role_claim: str
    roles: Mapping[str, Role]


@dataclass(frozen=True)
class Identity:
    """Who the provider says it is."""

    subject: str
    name: str
    role: Role


@dataclass(frozen=True)
class Asked:
    """One question to the provider: what travels, and what must come back."""

    state: str
    nonce: str
    verifier: str
    after: str

    @classmethod
    def anew(cls, after: str) -> Asked:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, after)

    def sealed(self, key: bytes) -> str:
        """As a cookie that nobody else can have written."""
        body = base64.urlsafe_b64encode(json.dumps(self.__dict__).encode()).decode()
        return f"{body}.{_mac(key, body)}"

    @classmethod
    def opened(cls, cookie: str, key: bytes) -> Asked:
        """Raises ProviderRefused for a cookie that we did not write."""
        body, _, mac = cookie.partition(".")
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(key, body).encode()):
            raise ProviderRefused("the question's cookie is missing or not ours")
        return cls(**json.loads(base64.urlsafe_b64decode(body)))


def _mac(key: bytes, body: str) -> str:
    said = b"provider:" + body.encode("utf-8", "replace")
    return hmac.new(key, said, hashlib.sha256).hexdigest()


def roles_of(text: str) -> dict[str, Role]:
    """The mapping of the settings, `value=role,value=role`. Raises ValueError for a wrong one."""
    found = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        value, sign, role = part.rpartition("=")
        if not sign or not value:
            raise ValueError(f"{part!r} is not value=role")
        found[value.strip()] = Role.of(role)
    return found


class Provider:
    """One OpenID provider. Its documents are fetched when needed and kept."""

    def __init__(self, options: ProviderOptions, clock: Clock) -> None:
        parts = urlsplit(options.issuer)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("the issuer's address must begin with https://")
        self.options = options
        self.clock = clock
        self._found: dict[str, Any] = {}
        self._keys: KeySet | None = None

    async def _json(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        try:
            async with aiohttp.ClientSession(timeout=PATIENCE) as http:
                async with http.request(
                    method, address, allow_redirects=False, **options
                ) as answer:
                    if answer.status != 200:
                        raise ProviderRefused(f"{address} answered {answer.status}")
                    body = await answer.content.read(MOST_BYTES)
                    found = json.loads(body)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderRefused(f"{address}: {type(error).__name__}") from None
        if not isinstance(found, dict):
            raise ProviderRefused(f"{address} gave no object")
        return found

    async def _document(self) -> dict[str, Any]:
        """The discovery document; it must name the issuer that it was fetched from."""
        if not self._found:
            issuer = self.options.issuer.rstrip("/")
            found = await self._json("GET", f"{issuer}/.well-known/openid-configuration")
            if found.get("issuer") != self.options.issuer:
                raise ProviderRefused("the discovery document names another issuer")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if urlsplit(str(found.get(name))).scheme not in ("https", urlsplit(issuer).scheme):
                    raise ProviderRefused(f"{name} is not usable")
            self._found = found
        return self._found

    async def question(self, asked: Asked, back: str) -> str:
        """The address to send the browser to."""
        document = await self._document()
        challenge = hashlib.sha256(asked.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": back,
            "scope": "openid profile email",
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        address = str(document["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    async def identity(self, asked: Asked, query: Mapping[str, str], back: str) -> Identity:
        """Who signed in, from what came back with the browser. Raises ProviderRefused."""
        if not hmac.compare_digest(query.get("state", "").encode(), asked.state.encode()):
            raise ProviderRefused("state does not fit")
        if query.get("error") or not query.get("code"):
            raise ProviderRefused(f"the provider said {query.get('error', 'nothing')[:60]!r}")
        if query.get("iss", self.options.issuer) != self.options.issuer:  # RFC 9207
            raise ProviderRefused("the answer is of another issuer")
        document = await self._document()
        given = await self._json(
            "POST",
            str(document["token_endpoint"]),
            data={
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": back,
                "code_verifier": asked.verifier,
            },
            auth=aiohttp.BasicAuth(self.options.client_id, self.options.client_secret),
        )
        claims = await self._believed(str(given.get("id_token", "")), asked.nonce)
        return Identity(
            subject=f"{self.options.issuer}|{claims['sub']}"[:300],
            name=str(claims.get("preferred_username") or claims.get("email") or claims["sub"]),
            role=self._role(claims),
        )

    async def _believed(self, token: str, nonce: str) -> dict[str, Any]:
        for fresh in (False, True):  # the provider may have changed its keys
            keys = await self._key_set(fresh)
            try:
                claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
                break
            except (JoseError, ValueError) as error:
                if fresh:
                    raise ProviderRefused(f"id token: {type(error).__name__}") from None
        registry = jwt.JWTClaimsRegistry(
            now=int(self.clock().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.options.issuer},
            aud={"essential": True, "value": self.options.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise ProviderRefused(f"id token: {error}") from None
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if several and claims.get("azp") != self.options.client_id:
            raise ProviderRefused("the id token is for several, and not for us first")
        return dict(claims)

    async def _key_set(self, fresh: bool) -> KeySet:
        if self._keys is None or fresh:
            document = await self._document()
            found = await self._json("GET", str(document["jwks_uri"]))
            try:
                self._keys = KeySet.import_key_set(found)
            except (JoseError, ValueError, KeyError, TypeError):
                raise ProviderRefused("the provider's keys cannot be used") from None
        return self._keys

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """The highest role that the claim gives; a dotted name reaches into objects."""
        value: Any = claims
        for part in self.options.role_claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        roles = [
            self.options.roles[v] for v in values if isinstance(v, str) and v in self.options.roles
        ]
        if not roles:
            raise ProviderRefused("no role for this account")
        return max(roles)
