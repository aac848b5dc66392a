"""`serve --demo` as `make run` starts it: the printed console link signs in once, on loopback only.

The real command with the real model, in a process of its own; a real browser opens the link.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bot.settings import ROOT
from tests.console.test_handover_browser import clean
from tests.web.test_browser import browser  # noqa: F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]
# The simulated phones take any free port here, and not those that a demonstration wishes for.
SERVE = """
import sys
from bot import demo
demo.TELEGRAM_PORT = demo.SMS_PORT = 0
from bot.__main__ import main
sys.exit(main(["serve", "--demo"]))
"""
START_SECONDS = 200.0


@contextlib.asynccontextmanager
async def demonstration(folder: Path, host: str) -> AsyncIterator[str]:
    """The demonstration on any free port of `host`; gives what it printed until it was ready."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIKEWISE_")}
    environment |= {
        "LIKEWISE_DATA_DIR": str(folder),
        "LIKEWISE_HOST": host,
        "LIKEWISE_PORT": str(port),
    }
    log = folder / "demo.log"
    with log.open("wb") as output:
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVE, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield await _ready(server, log)
    finally:
        if server.returncode is None:
            server.terminate()
        await asyncio.wait_for(server.wait(), 30)


async def _ready(server: asyncio.subprocess.Process, log: Path) -> str:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        text = log.read_text("utf-8", "replace")
        if re.search(r"^ready ", text, re.M):
            return text
        assert server.returncode is None, text[-2000:]
        await asyncio.sleep(0.1)
    raise AssertionError(f"it did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


async def test_the_printed_link_signs_in_once(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with demonstration(tmp_path, "127.0.0.1") as printed:
        found = re.search(r"^console +(http://127\.0\.0\.1:\d+/console/open/\S+)", printed, re.M)
        assert found, printed
        link = found[1]
        first = await browser.new_context(locale="en-GB")
        page = await first.new_page()
        await page.goto(link)
        await clean(page)
        await page.reload()  # a look does not use it up
        await page.locator("main button.main").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await page.get_by_role("link", name="Operations").first.click()
        await expect(page.locator("h1")).to_have_text("Operations")
        await expect(page.locator("#h-care")).to_be_visible()

        second = await browser.new_context(locale="en-GB")
        other = await second.new_page()
        answer = await other.goto(link)
        assert answer is not None
        assert answer.status == 410
        await expect(other.locator("main button.main")).to_have_count(0)
        await other.goto(link.split("/console/")[0] + "/console/operations")
        await expect(other).to_have_url(re.compile(r"/console/sign-in"))
        await first.close()
        await second.close()


async def test_where_others_can_reach_the_server_there_is_no_link(tmp_path: Path) -> None:
    """127.0.0.2 stands for an address of the network: it is none of those that are ours alone."""
    async with demonstration(tmp_path, "127.0.0.2") as printed:
        assert "/console/open/" not in printed
        assert not re.search(r"^(console|phone) ", printed, re.M)
