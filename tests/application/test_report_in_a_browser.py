"""The report as a person sees it, in headless Chromium: it filters, sorts, prints, and reaches for nothing outside."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from adapters.files.archive import Archive
from application.audit.exporting import Wanted
from domain.bundle.manifest import MEMBERS
from tests.support.bundles import HonestLog, a_log, write_bundle

SCRIPT = "<script>alert(1)</script>"
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,900",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def log() -> HonestLog:
    return a_log(48)


@pytest.fixture(scope="module")
def page(browser: Chrome, log: HonestLog, tmp_path_factory: pytest.TempPathFactory) -> Chrome:
    """The report of a bundle, opened."""
    directory = tmp_path_factory.mktemp("report")
    write_bundle(log, directory / "bundle", Wanted(0, log.size))
    archive = Archive(directory / "bundle", MEMBERS)
    report = directory / "report.html"
    report.write_bytes(archive.open("report.html").read(1 << 22))
    archive.close()
    browser.get(report.as_uri())
    return browser


def shown(page: Chrome) -> list[list[str]]:
    """The cells of the rows that are to be seen, in their order."""
    script = """return [...document.querySelectorAll("tbody tr")].filter(row => row.offsetParent !== null)
                .map(row => [...row.cells].map(cell => cell.innerText))"""
    rows: list[list[str]] = page.execute_script(script)
    return rows


def write(page: Chrome, text: str) -> None:
    box = page.find_element(By.ID, "filter")
    box.clear()
    box.send_keys(text + " ")


def test_every_event_is_a_row_with_its_proof_and_leaf_hash(page: Chrome, log: HonestLog) -> None:
    rows = shown(page)
    assert [int(row[0]) for row in rows] == list(range(1, log.size + 1))
    assert all("range proof" in row[6] and len(row[7]) == 64 for row in rows)
    assert "nothing in between was left out" in page.find_element(By.CLASS_NAME, "claim").text


def test_what_a_name_says_shows_as_text_and_runs_nowhere(page: Chrome) -> None:
    write(page, "alert")
    rows = shown(page)
    assert rows
    assert all(SCRIPT in row[5] for row in rows)
    assert len(page.find_elements(By.TAG_NAME, "script")) == 1


def test_the_filter_narrows_and_the_heads_sort(page: Chrome, log: HonestLog) -> None:
    write(page, "mallory")
    rows = shown(page)
    assert 0 < len(rows) < log.size
    assert all(row[3] == "mallory" for row in rows)
    assert page.find_element(By.ID, "shown").text == f"{len(rows)} of {log.size} shown"
    write(page, "")
    heads = page.find_elements(By.CSS_SELECTOR, "th button")
    heads[0].click()
    heads[0].click()
    assert [int(row[0]) for row in shown(page)] == list(range(log.size, 0, -1))
    assert page.find_elements(By.TAG_NAME, "th")[0].get_attribute("aria-sort") == "descending"
    heads[2].click()
    types = [row[2] for row in shown(page)]
    assert types == sorted(types)
    heads[0].click()


def test_it_prints_without_its_tools(page: Chrome) -> None:
    printed = page.execute_cdp_cmd("Page.printToPDF", {})
    assert len(printed["data"]) > 10_000
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not page.find_element(By.CLASS_NAME, "tools").is_displayed()
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert page.find_element(By.CLASS_NAME, "tools").is_displayed()


def test_nothing_was_complained_of_and_nothing_fetched(page: Chrome) -> None:
    """Last: all that happened on the page before is in these logs."""
    page.refresh()
    assert logged(page, "browser") == []
    events = [json.loads(message)["message"] for message in logged(page, "performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert not [url for url in asked if url.partition(":")[0] not in ("file", "data", "chrome")]
    assert {url.rpartition("/")[2] for url in asked if url.startswith("file:")} <= {"report.html", "favicon.ico"}


def logged(browser: Chrome, kind: str) -> list[str]:
    """The messages since this was last asked."""
    return [entry["message"] for entry in browser.get_log(kind)]  # type: ignore[no-untyped-call]


def test_its_policy_lets_no_script_in(browser: Chrome, page: Chrome, tmp_path: Path) -> None:
    """Even if something got past the escaping, it would not run: the policy names the one script by its hash."""
    slipped = '</table><script>document.title="owned"</script><img src=x onerror="document.title=1">'
    evil = tmp_path / "evil.html"
    evil.write_text(page.page_source.replace("</table>", slipped))
    browser.get(evil.as_uri())
    assert browser.title == "storectl audit report"
    assert any("Content Security Policy" in message for message in logged(browser, "browser"))
