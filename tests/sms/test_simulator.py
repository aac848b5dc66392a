"""The simulator speaks Twilio's HTTP, and its page shows a telephone."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from connectors.sms.connector import SmsConnector
from connectors.sms.simulator import server
from connectors.sms.simulator.server import FOLDER, PAGE
from tests.sms.conftest import CITIZEN

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def client(town, token: str = "") -> Client:
    made = Client(town.network.account_sid, token or town.network.auth_token)
    made.api.base_url = town.network.api_url
    return made


async def test_twilio_s_own_client_understands_it(town) -> None:
    def talk() -> None:
        api = client(town)
        made = api.messages.create(to=CITIZEN, from_=town.network.number, body="Héllo €")
        assert (made.status, made.num_segments, made.direction) == ("queued", "1", "outbound-api")
        assert api.messages(made.sid).fetch().body == "Héllo €"
        since = made.date_created - timedelta(minutes=1)
        [found] = api.messages.list(to=CITIZEN, date_sent_after=since)
        assert found.sid == made.sid
        assert api.messages.list(to=CITIZEN, date_sent_before=since) == []
        assert api.messages.list(from_=CITIZEN) == []
        assert api.api.v2010.accounts(town.network.account_sid).fetch().status == "active"
        with pytest.raises(TwilioRestException) as wrong:
            client(town, "wrong").messages("SM0").fetch()
        assert (wrong.value.status, wrong.value.code) == (401, 20003)
        with pytest.raises(TwilioRestException) as invalid:
            api.messages.create(to="+15005550001", from_=town.network.number, body="x")
        assert (invalid.value.status, invalid.value.code) == (400, 21211)

    await asyncio.to_thread(talk)
    await town.network.settle()


async def test_list_has_pages_that_the_client_follows(town) -> None:
    for n in range(25):
        town.network.take({"To": CITIZEN, "From": town.network.number, "Body": str(n)})

    def read() -> list[str]:
        return [m.body for m in client(town).messages.list(to=CITIZEN, page_size=10)]

    assert await asyncio.to_thread(read) == [str(n) for n in reversed(range(25))]


async def test_page_loads_nothing_from_elsewhere(town, http) -> None:
    for path in PAGE:
        async with http.get(town.network.api_url + path) as response:
            text = await response.text()
            assert response.status == 200
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        for address in ("http://", "https://"):
            others = text.replace("http://www.w3.org/2000/svg", "").replace("https?://", "")
            assert address not in others, path
    script = (FOLDER / "page.js").read_text("utf-8")
    assert "innerHTML" not in script
    assert "insertAdjacentHTML" not in script


async def test_text_from_the_page_reaches_the_bot_and_comes_back(town, http) -> None:
    url = town.network.api_url
    picture = "data:image/png;base64," + base64.b64encode(PNG).decode()
    async with http.post(
        url + "/phone/send", json={"from": "+31 6 0000 0001", "body": "hello", "picture": picture}
    ) as response:
        assert response.status == 201
    await town.run()
    async with http.get(url + "/phone/state") as response:
        state = await response.json()
    mine, *answers = state["texts"]
    assert (mine["number"], mine["webhook"]) == (CITIZEN, "taken (200)")
    assert answers[-1]["status"] == "delivered"
    assert answers[-1]["size"] == {"encoding": "GSM-7", "units": 16, "segments": 1}
    async with http.get(url + mine["pictures"][0]) as response:
        assert (await response.read(), response.content_type) == (PNG, "image/png")
    reference = town.network.fields(town.network.texts[0])["MediaUrl0"]
    async with http.get(reference) as response:
        assert response.status == 401  # a citizen's picture is for the account alone
    login = aiohttp.encode_basic_auth(town.network.account_sid, town.network.auth_token)
    async with http.get(reference, headers={"Authorization": login}) as response:
        assert await response.read() == PNG


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "12", "body": "x"},
        {"from": CITIZEN, "body": ""},
        {"from": CITIZEN, "body": "x" * 1601},
        {"from": CITIZEN, "picture": "data:text/html;base64,PGI+"},
        {"from": CITIZEN, "picture": "data:image/png;base64,%%%"},
    ],
)
async def test_page_refuses_what_no_telephone_sends(town, http, wrong) -> None:
    async with http.post(town.network.api_url + "/phone/send", json=wrong) as response:
        assert response.status == 400
    assert not town.network.texts


async def test_another_site_s_form_cannot_send(town, http) -> None:
    async with http.post(
        town.network.api_url + "/phone/send", data='{"from": "+31600000001", "body": "x"}'
    ) as response:
        assert response.status == 415


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": "maybe"},
        {"colour": "red"},
        {"delay": -1},
        {"redeliver": "x"},
        {"lose_inbound": 1},
    ],
)
async def test_switches_take_only_their_values(town, http, wrong) -> None:
    before = dict(vars(town.network.switches))
    async with http.post(town.network.api_url + "/phone/switches", json=wrong) as response:
        assert response.status == 400
    assert vars(town.network.switches) == before


async def test_page_hears_news_at_once(town, http) -> None:
    async def wait() -> dict:
        url = f"{town.network.api_url}/phone/state?revision={town.network.revision}"
        async with http.get(url) as response:
            return await response.json()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    town.network.switches.change({"lose_inbound": True})
    await town.network.text(CITIZEN, "news")
    assert (await asyncio.wait_for(waiting, 5))["texts"][0]["body"] == "news"


async def test_bot_that_is_away_is_shown(town) -> None:
    town.network.bot_url = "http://127.0.0.1:9"
    sent = await town.network.text(CITIZEN, "anybody?")
    await town.network.settle()
    assert sent.webhook == "no answer from the bot"


async def test_it_runs_by_itself_with_the_settings_it_names(town) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        server.run(port=0, bot_url=town.network.bot_url, ready=address.set_result)
    )
    url = await asyncio.wait_for(address, 5)
    settings = server.environment(url, town.network.bot_url)
    from connectors.sms.api import SmsOptions

    sms = SmsConnector(
        town.road.journal,
        SmsOptions(
            settings["LIKEWISE_TWILIO_ACCOUNT_SID"],
            settings["LIKEWISE_TWILIO_AUTH_TOKEN"],
            settings["LIKEWISE_TWILIO_FROM"],
            settings["LIKEWISE_TWILIO_API_URL"],
            settings["LIKEWISE_PUBLIC_URL"],
        ),
    )
    await sms.start()
    await sms.stop()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.browser
async def test_page_in_a_browser(town) -> None:
    from playwright.async_api import async_playwright, expect

    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        await page.goto(town.network.api_url + "/")
        await page.get_by_label("Message", exact=True).fill("<b>choose</b> €")
        await expect(page.locator("#count")).to_have_text("GSM-7 · 16 · 1 SMS")
        await page.get_by_label("Message", exact=True).press("Enter")
        await expect(page.locator(".text.mine .bubble")).to_have_text("<b>choose</b> €")
        await town.run()
        answer = page.locator(".text:not(.mine)").last
        await expect(answer.locator(".bubble")).to_have_text("You wrote: <b>choose</b> €")
        await expect(answer.locator(".facts")).to_contain_text("GSM-7 · 27 · 1 segment · delivered")
        await page.get_by_text("How the network behaves").click()
        await page.get_by_label("On its way to the telephone").select_option("filtered")
        await expect(page.locator("#saved")).to_have_text("Set.")
        assert town.network.switches.fate == "filtered"
        await page.get_by_label("My number").select_option("+31600000002")
        await expect(page.locator(".text")).to_have_count(0)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
        assert not faults
        await browser.close()
