"""The ticket pages and the operations page in a real browser, with axe, English and Dutch."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from bot.assembly import Road
from bot.civic.tickets import NewTicket, State
from bot.messages import Address, ChannelName, ConversationId, Inbound
from bot.store import schema
from bot.store.city import CityRegister
from bot.store.loading import seed
from tests.console.test_handover_browser import House, clean, house, in_dutch  # noqa: F401
from tests.photos import pictures
from tests.web.test_browser import DESKTOP, PHONE, browser  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SERVICES = ("pothole", "street-light", "graffiti", "litter", "missed-bin", "illegal-parking")


async def with_tickets(road: Road) -> list[str]:
    """A city with reports in several states, and two people who follow one of them."""
    seed(road.database, road.settings.city_dir / "areas", road.journal.clock)
    areas = CityRegister(road.database).areas()
    codes = [a.code for a in areas if a.kind == "neighbourhood"]
    refs = []
    for n in range(24):
        said = Inbound(ChannelName("web"), f"t{n}", Address(f"c{n}"), text="hello")
        talk = (await road.intake.accept(said)).conversation
        made = road.tickets.open(
            NewTicket(
                f"k{n}",
                talk,
                SERVICES[n % len(SERVICES)],
                "",
                ("nl", "en", "de", "da")[n % 4],
                f"Oosterstraat {n + 1}",
                True,
                details="Sinds een week, gevaarlijk voor fietsers.",
                contact="06 12345678" if n % 3 else None,
                area_code=codes[(n * n) % 7],
            )
        )
        refs.append(made.reference)
        if n % 3 == 1:
            road.tickets.move(made.reference, State.IN_PROGRESS, "ben")
        if n % 5 == 4:
            road.tickets.move(made.reference, State.PASSED_ON, "ben", passed_to="Waterschap")
    return refs


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_the_views_of_the_reports(house: House, screen: dict[str, object]) -> None:  # noqa: F811
    await with_tickets(house.road)
    ann = await house.staff("ann", **screen)
    name = "phone" if screen is PHONE else "desktop"
    for view in ("list", "board", "map"):
        await ann.open(f"/console/tickets?view={view}")
        await ann.shot(f"{view}-{name}", full=True)
        await clean(ann.page)
    await in_dutch(ann)
    await expect(ann.page.locator("h1")).to_have_text("Meldingen")
    for view in ("list", "board", "map"):
        await ann.open(f"/console/tickets?view={view}")
        await clean(ann.page)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_a_report_shows_its_photos_to_agents_and_a_sentence_to_readers(
    house: House,  # noqa: F811
    screen: dict[str, object],
) -> None:
    refs = await with_tickets(house.road)
    found = house.road.tickets.find(refs[0])
    assert found is not None
    talk = ConversationId(str(found.conversation))
    for picture in (pictures.jpeg(1200, 900), pictures.jpeg(600, 1000), pictures.heic()):
        photo = await house.road.photo_room.take(talk, picture, ChannelName("web"))
        house.road.photos.attach([photo], refs[0])
    ann = await house.staff("ann", **screen)
    await ann.open(f"/console/tickets/{refs[0]}")
    photos = ann.page.locator(".photos img")
    await expect(photos).to_have_count(3)
    for number in range(3):
        await photos.nth(number).scroll_into_view_if_needed()
        await photos.nth(number).evaluate("image => image.decode()")
    await ann.shot("report-with-photos", full=True)
    await clean(ann.page)
    rita = await house.staff("rita", "reader", **screen)
    await rita.open(f"/console/tickets/{refs[0]}")
    await expect(rita.page.locator(".photo-none")).to_have_count(3)
    await expect(rita.page.locator(".photos img")).to_have_count(0)
    await rita.shot("report-reader", full=True)
    await in_dutch(rita)
    await expect(rita.page.locator(".photo-none").first).to_contain_text("Hier hoort een foto")
    await clean(rita.page)
    await rita.open("/console/account")
    await rita.page.locator('[name="shown"]').fill("Rita de Boer")
    await rita.page.get_by_role("button", name="Opslaan").first.click()
    await expect(rita.page.locator("#shown-hint")).to_contain_text("Nu heet u Rita de Boer")
    await rita.shot("account", full=True)
    await clean(rita.page)


async def test_search_follows_the_typing_and_stays_in_the_address(house: House) -> None:  # noqa: F811
    refs = await with_tickets(house.road)
    ann = await house.staff("ann")
    await ann.open("/console/tickets")
    await ann.page.get_by_role("searchbox").fill("Oosterstraat 11")
    rows = ann.page.locator("table.tickets tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(refs[10])
    assert "q=Oosterstraat" in ann.page.url
    await ann.page.reload()
    await expect(rows).to_have_count(1)


async def test_a_report_is_planned_with_the_text_seen_before(house: House) -> None:  # noqa: F811
    refs = await with_tickets(house.road)
    ann = await house.staff("ann")
    await ann.open(f"/console/tickets/{refs[0]}")
    page = ann.page
    await expect(page.get_by_label("Day of the work")).to_be_hidden()
    await page.locator("#state").select_option("planned")
    await page.get_by_label("Day of the work").fill("2026-12-01")
    await page.get_by_label("Text for those who follow").fill("De ploeg komt in de ochtend.")
    await page.get_by_role("button", name="Show what is sent").click()
    await expect(page.locator(".preview")).to_contain_text("Tuesday 1 December")
    await ann.shot("preview", full=True)
    await clean(page)
    await page.get_by_role("button", name="Change the state and send this").click()
    await expect(page.locator(".flash")).to_contain_text("The state is changed")
    await expect(page.locator("#history")).to_contain_text("New state: Planned")
    await clean(page)
    await ann.shot("report", full=True)
    await in_dutch(ann)
    await expect(page.locator("#history")).to_contain_text("Nieuwe status: Ingepland")
    await clean(page)


def card(page: Page, ref: str) -> Locator:
    return page.locator(f'.column [data-reference="{ref}"]')


async def drop(page: Page, ref: str, state: str) -> None:
    """Drag a card as a hand does, step by step."""
    await card(page, ref).locator("p.quiet").hover()
    await page.mouse.down()
    place = page.locator(f'.column[data-state="{state}"] h2, .closings [data-state="{state}"]')
    await page.mouse.move(400, 420, steps=3)
    await expect(place).to_be_visible()
    await place.hover()
    await place.hover()
    await page.mouse.up()


async def test_a_card_is_dragged_to_a_state_and_the_text_is_seen_before(
    house: House,  # noqa: F811
) -> None:
    refs = await with_tickets(house.road)
    ann = await house.staff("ann")
    page = ann.page
    await ann.open("/console/tickets?view=board&q=Oosterstraat")
    await expect(page.locator("#drag-hint")).to_be_visible()

    # A drop shows what is sent, and changes nothing yet.
    await drop(page, refs[0], "in_progress")
    await expect(page.locator("#h-preview")).to_have_text("This will be sent")
    await expect(page.locator(".preview")).to_contain_text("work")
    assert state_of(house.road, refs[0]) is State.RECEIVED
    await clean(page)
    await page.get_by_role("button", name="Change the state and send this").click()
    await expect(page.locator(".flash")).to_contain_text("The state is changed")
    assert "view=board" in page.url
    assert "q=Oosterstraat" in page.url
    await expect(page.locator('.column[data-state="in_progress"]')).to_contain_text(refs[0])

    # A state that needs something first leads to its field.
    await drop(page, refs[0], "planned")
    await expect(page.get_by_label("Day of the work")).to_be_visible()
    await expect(page.locator("#state")).to_have_value("planned")
    await page.go_back()

    # Closing, too: the states without a column appear while a card is in the hand.
    await expect(page.locator("#closings")).to_be_hidden()
    await drop(page, refs[3], "fixed")
    await expect(page.locator("#h-preview")).to_have_text("This will be sent")
    assert state_of(house.road, refs[3]) is State.RECEIVED
    await page.go_back()


async def test_a_state_out_of_reach_refuses_the_card_and_says_so(
    house: House,  # noqa: F811
) -> None:
    refs = await with_tickets(house.road)
    ann = await house.staff("ann")
    page = ann.page
    await ann.open("/console/tickets?view=board")
    await drop(page, refs[1], "received")
    refusal = page.locator("#refusal")
    await expect(refusal).to_contain_text(f"{refs[1]} stays where it is")
    await expect(refusal).to_contain_text("from In progress to Received")
    assert state_of(house.road, refs[1]) is State.IN_PROGRESS
    await ann.shot("refused", full=False)
    await clean(page)
    await card(page, refs[1]).locator("p.quiet").hover()
    await page.mouse.down()
    await page.mouse.move(500, 420, steps=4)
    await page.locator('.column[data-state="planned"] h2').hover()
    await ann.shot("dragging")
    await page.mouse.up()

    # Somebody else was faster: the drop is refused by the version that the card shows.
    await ann.open("/console/tickets?view=board")
    await page.locator("#found").evaluate("found => { found.dataset.busy = 'test'; }")
    house.road.tickets.move(refs[0], State.IN_PROGRESS, "ben")
    await drop(page, refs[0], "in_progress")
    ann.expected = ("422", "409")
    await expect(page.locator("#fault")).to_be_visible()
    assert state_of(house.road, refs[0]) is State.IN_PROGRESS


async def test_the_board_works_from_the_keyboard_and_without_scripts(
    house: House,  # noqa: F811
) -> None:
    refs = await with_tickets(house.road)
    ann = await house.staff("ann", java_script_enabled=False)
    page = ann.page
    await ann.open("/console/tickets?view=board")
    await expect(page.locator("#drag-hint")).to_be_hidden()
    select = page.get_by_label(f"New state of {refs[0]}")
    await select.focus()
    await select.select_option("in_progress")
    await page.get_by_role("button", name=f"Show what is sent for {refs[0]}").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#h-preview")).to_have_text("This will be sent")
    await page.get_by_role("button", name="Change the state and send this").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator('.column[data-state="in_progress"]')).to_contain_text(refs[0])


def state_of(road: Road, ref: str) -> State:
    found = road.tickets.find(ref)
    assert found is not None
    return found.state


async def test_many_are_sent_to_a_desk_and_taken_back(house: House) -> None:  # noqa: F811
    refs = await with_tickets(house.road)
    ann = await house.staff("ann")
    await ann.open("/console/tickets")
    for ref in refs[-3:]:
        await ann.page.get_by_label(f"Choose {ref}").check()
    await ann.page.get_by_label("To desk").select_option("green")
    await ann.page.get_by_role("button", name="Send on").click()
    await expect(ann.page.locator("h1")).to_have_text("3 reports changed")
    await ann.shot("bulk", full=True)
    await clean(ann.page)
    await ann.page.get_by_role("button", name="Undo").click()
    await expect(ann.page.locator(".flash")).to_contain_text("3 taken back")
    assert road_desk(house.road, refs[-1]) != "green"


def road_desk(road: Road, ref: str) -> str:
    found = road.tickets.find(ref)
    assert found is not None
    return found.desk


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_the_operations_page(house: House, screen: dict[str, object]) -> None:  # noqa: F811
    road = house.road
    await with_tickets(road)
    outbox = schema.outbox
    some = outbox.select().limit(2)
    for _ in range(100):
        ids = [r.id for r in await road.database.read(lambda c: c.execute(some).all())]
        if len(ids) == 2:
            break
        await road.bell.rest("none", road.bell.listen("none"), 0.05)
    change = outbox.update().where(outbox.c.id.in_(ids)).values(state="unclear", code="unclear")
    await road.database.write(lambda c: c.execute(change))
    ann = await house.staff("ann", **screen)
    await ann.open("/console/operations")
    await ann.shot("operations", full=True)
    await clean(ann.page)
    await ann.page.get_by_role("button", name="It was sent").first.click()
    await expect(ann.page.locator(".flash")).to_contain_text("Your decision is kept.")
    await in_dutch(ann)
    await expect(ann.page.locator("h1")).to_have_text("Beheer")
    await clean(ann.page)
