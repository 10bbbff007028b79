"""The results page in headless Chromium: does what it promises hold where it is read?

python ci/page/check.py OUT/results.html [--axe axe.min.js]

Prints a line a check, and what is wrong under those that fail; exits with 1 where one does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

PROBES = (Path(__file__).parent / "probes.js").read_text(encoding="utf-8")
LEAST_CONTRAST = 4.5  # WCAG 2, level AA, of all text, large type too
PHONE = (360, 740)
DESK = (1280, 900)
SCREENS, SCREEN = 2, 1080  # the overview's height at most: so many screens of so many pixels
MODES = {"light": ("screen", "light"), "dark": ("screen", "dark"), "print": ("print", "dark")}
Faults = list[str]


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Chromium without a network: every name is unknown, and what is still asked for goes to a closed port."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless=new",
        "--disable-gpu",
        "--proxy-server=127.0.0.1:9",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page in one browser, opened anew for every check, so that none depends on what another did."""

    def __init__(self, driver: webdriver.Chrome, path: Path) -> None:
        self.driver, self.url = driver, path.resolve().as_uri()

    def open(self, size: tuple[int, int] = DESK, media: str = "screen", scheme: str = "light", place: str = "") -> None:
        width, height = size
        mobile = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.cdp("Emulation.setDeviceMetricsOverride", **metrics)
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.cdp(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}, still],
        )
        self.driver.get("about:blank")  # or a change of place alone would not load the page anew
        self.driver.get(f"{self.url}#{place}" if place else self.url)

    def cdp(self, command: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)

    def probe(self, call: str) -> Any:
        """What a function of probes.js returns."""
        return self.driver.execute_script(f"{PROBES}\nreturn {call}")

    def nodes(self) -> list[dict[str, Any]]:
        """What assistive technology is given."""
        return [node for node in self.cdp("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]

    def header(self, word: str) -> WebElement:
        """The button in the header of a column of the records, which are unfolded."""
        path = f"//*[@id='records-table']//thead//button[normalize-space()='{word}']"
        return self.driver.find_element(By.XPATH, path)


def quiet(page: Page) -> Faults:
    """Nothing is refused by the page's own policy, and no script fails."""
    page.driver.get_log("browser")
    page.open()
    page.probe("document.getElementById('theme').click()")
    page.probe("document.getElementById('unfold').click()")
    page.probe("document.getElementById('filter').dispatchEvent(new Event('input'))")
    page.probe("localStorage.clear()")
    entries = page.driver.get_log("browser")
    return [f"{entry['level']}: {entry['message']}" for entry in entries]


def alone(page: Page) -> Faults:
    """The browser asks for the file and for nothing else."""
    page.driver.get_log("performance")
    page.open()
    events = [json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    if page.url not in asked:
        return ["the browser's log does not even hold the page itself"]
    own = (page.url, "about:blank")
    return [f"asked for {url[:100]}" for url in asked if url not in own and not url.startswith("data:")]


def overview(page: Page) -> Faults:
    """Before the first section, the overview takes two screens at most and has the answer, figures and verdicts."""
    page.open((DESK[0], SCREEN))
    tall = page.probe("document.querySelector('details.section').getBoundingClientRect().top + scrollY")
    faults = [f"it is {tall:.0f} px tall"] if tall > SCREENS * SCREEN else []
    for what, selector in (("answer", ".hero .big"), ("figure", ".overview svg")):
        if not page.probe(f"document.querySelectorAll('{selector}').length"):
            faults.append(f"it has no {what}")
    return faults


def folds(page: Page) -> Faults:
    """Every section is folded, opens by its link, its summary and the button, and what is in it by a link to it."""
    page.open()
    faults = [f"{name} is unfolded" for name in page.probe("unfolded()")]
    page.driver.find_element(By.ID, "unfold").click()
    sections = page.probe("[...document.querySelectorAll('details.section')].map((one) => one.id)")
    if page.probe("unfolded()") != sections:
        faults.append("the button does not unfold all")
    inside = page.probe("[...document.querySelectorAll('details.section :is(figure, table)[id]')].map((one) => one.id)")
    around = {name: page.probe(f"document.getElementById('{name}').closest('details').id") for name in inside}
    for place, section in [*((name, name) for name in sections), *around.items()]:
        page.open(place=place)
        if page.probe("unfolded()") != [section]:
            faults.append(f"#{place} unfolds {page.probe('unfolded()')}")
    page.open()
    link = page.driver.find_element(By.CSS_SELECTOR, ".verdicts a")
    link.click()
    if page.probe("unfolded()") != [page.probe("location.hash.slice(1)")]:
        faults.append("a verdict's link does not unfold its section")
    page.driver.find_element(By.CSS_SELECTOR, "#method > summary").click()
    if "method" not in page.probe("unfolded()"):
        faults.append("a summary does not unfold its section")
    return faults


def sorts(page: Page) -> Faults:
    """By pointer and by keyboard: rows are put in order, what has no value comes last, and `aria-sort` says so."""
    page.open(place="records")
    faults = []
    before = page.probe("column('records-table', 'Perplexity')")
    presses: list[Callable[[WebElement], None]] = [
        lambda button: button.click(),
        lambda button: button.send_keys(Keys.ENTER),
        lambda button: button.send_keys(Keys.SPACE),
    ]
    for press, direction in zip(presses, ("ascending", "descending", "ascending"), strict=True):
        press(page.header("Perplexity"))
        found = page.probe("column('records-table', 'Perplexity')")
        known = [float(value) for value in found if value]
        if known != sorted(known, reverse=direction == "descending") or found[len(known) :] != [""] * (
            len(found) - len(known)
        ):
            faults.append(f"rows are not {direction}")
        if sorted(found) != sorted(before):
            faults.append("rows were lost")
        if (said := page.probe("sortedBy('records-table')")) != [["Perplexity", direction]]:
            faults.append(f"aria-sort says {said}, not {direction}")
    page.header("Model").click()
    models = page.probe("column('records-table', 'Model')")
    if len(set(models)) > 1 and models == sorted(models, reverse=True):
        faults.append("names are not put in order")
    return faults


def filters(page: Page) -> Faults:
    """Only rows that hold every word stay, and are counted; the address keeps the view; emptying brings all back."""
    page.open(place="records")
    field = page.driver.find_element(By.ID, "filter")
    everything = page.probe("visibleRows('records-table')")
    word = next((w for row in everything for w in ("random", "attention", "dense") if w in row.lower()), "")
    field.send_keys(word.upper())
    kept = page.probe("visibleRows('records-table')")
    count = page.driver.find_element(By.ID, "shown").text
    faults = []
    if kept != [row for row in everything if word in row.lower()]:
        faults.append(f"{len(kept)} of {len(everything)} rows are left for {word!r}, not those that hold it")
    if len(everything) > 2 and len(kept) == len(everything):
        faults.append("no row went")
    if count != f"{len(kept)} / {len(everything)}":
        faults.append(f"the count says {count!r}")
    address = page.driver.current_url
    page.open(place=address.partition("#")[2])
    if page.probe("visibleRows('records-table')") != kept or page.probe("unfolded()") != ["records"]:
        faults.append(f"{address[-40:]} does not open the same view")
    field = page.driver.find_element(By.ID, "filter")
    field.send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    if page.probe("visibleRows('records-table')") != everything:
        faults.append("emptying the box does not bring all rows back")
    page.open(place="records=no%20record%20holds%20this%20%3Cb%3E")
    if page.probe("visibleRows('records-table')"):
        faults.append("a filter in the address is not followed")
    return faults


def slides(page: Page) -> Faults:
    """The slider stops at every measured sparsity, by keys and by dragging, and says which; one stop is shown."""
    page.open()
    if not page.probe("document.querySelectorAll('.stop').length"):
        return [] if not page.probe("document.querySelectorAll('#removed').length") else ["a slider without stops"]
    places = page.probe("[...document.querySelectorAll('.stop')].map((one) => parseFloat(one.dataset.place))")
    shown = "[...document.querySelectorAll('.stop')].filter((one) => !one.hidden)"
    faults: Faults = []

    def at(index: int, how: str) -> None:
        seen = page.probe(f"{shown}.map((one) => [parseFloat(one.dataset.place), one.dataset.said])")
        value = float(page.probe("document.getElementById('removed').value"))
        said = page.probe("document.getElementById('removed').getAttribute('aria-valuetext')")
        if len(seen) != 1 or abs(seen[0][0] - places[index]) > 1e-9 or abs(value - places[index]) > 1e-9:
            faults.append(f"{how}: {value} and {seen}, not the stop at {places[index]}")
        elif said != seen[0][1] or not said:
            faults.append(f"{how}: a screen reader is told {said!r}")

    range_ = page.driver.find_element(By.ID, "removed")
    range_.send_keys(Keys.HOME)
    at(0, "Home")
    for index in range(1, len(places)):
        range_.send_keys(Keys.ARROW_RIGHT)
        at(index, "right")
    range_.send_keys(Keys.ARROW_RIGHT)
    at(len(places) - 1, "right at the end")
    range_.send_keys(Keys.ARROW_LEFT)
    at(len(places) - 2, "left")
    wanted = places[0] + 0.6 * (places[1] - places[0])
    page.probe(f"drag('removed', {wanted})")
    at(1, f"dragged to {wanted}")
    return faults


def readable(page: Page) -> Faults:
    """All text, in figures too, has the contrast it needs, light and dark, on screen and on paper."""
    faults = []
    grounds = {}
    for mode, (media, scheme) in MODES.items():
        page.open(DESK, media, scheme)
        grounds[mode] = page.probe("ground()")
        page.probe("unfold()")
        found = page.probe("contrasts()")
        faults += [f"{mode}: only {len(found)} texts were found"] if len(found) < 100 else []
        low = {(text[:40], colour, ground): ratio for text, colour, ground, ratio in found if ratio < LEAST_CONTRAST}
        faults += [f"{mode}: {ratio:.2f} of {c} on {g}: {text!r}" for (text, c, g), ratio in low.items()]
    if grounds["light"] == grounds["dark"] or grounds["light"] != grounds["print"]:
        faults.append(f"the page does not follow what is preferred: its ground is {grounds}")
    return faults


def toggles(page: Page) -> Faults:
    """The button turns light into dark, whatever the system prefers, and says which it is."""
    faults = []
    for scheme in ("light", "dark"):
        page.open(DESK, "screen", scheme)
        button = page.driver.find_element(By.ID, "theme")
        page.probe("localStorage.clear()")
        page.driver.refresh()
        button = page.driver.find_element(By.ID, "theme")
        before, pressed = page.probe("ground()"), button.get_attribute("aria-pressed")
        if pressed != str(scheme == "dark").lower():
            faults.append(f"{scheme}: aria-pressed is {pressed}")
        button.click()
        if page.probe("ground()") == before or button.get_attribute("aria-pressed") == pressed:
            faults.append(f"{scheme}: pressing it changes nothing")
        page.probe("localStorage.clear()")
    return faults


def fits_a_phone(page: Page) -> Faults:
    """At 360 by 740 nothing is wider than the screen but what scrolls in its own frame."""
    page.open(PHONE)
    page.probe("unfold()")
    width = page.probe("document.documentElement.scrollWidth")
    if width <= PHONE[0]:
        return []
    return [f"the page is {width} px wide", *page.probe(f"wider({PHONE[0]})")]


def named(page: Page) -> Faults:
    """Every figure has a name and a description in what assistive technology is given."""
    page.open()
    page.probe("unfold()")
    count = page.probe("document.querySelectorAll('svg').length")
    nodes = page.nodes()
    figures = [n for n in nodes if n.get("role", {}).get("value") in ("image", "img")]
    told = [
        n
        for n in figures
        if n.get("name", {}).get("value", "").strip() and n.get("description", {}).get("value", "").strip()
    ]
    logos = page.probe("document.querySelectorAll('img[alt]:not([alt=\"\"])').length")
    if not count:
        return ["there are no figures"]
    return [] if len(told) + logos >= count + logos else [f"{len(told)} of {count} figures are named and described"]


def without_scripts(page: Page) -> Faults:
    """Without JavaScript sections unfold, the page says where the records are, and shows nothing that does not work."""
    page.open()
    sections = page.probe("[...document.querySelectorAll('details.section')].map((one) => one.id)")
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open()
        for summary in page.driver.find_elements(By.CSS_SELECTOR, "details.section > summary"):
            summary.click()
        unfolded = len(page.driver.find_elements(By.CSS_SELECTOR, "details.section[open]"))
        nodes = page.nodes()
    finally:
        page.cdp("Emulation.setScriptExecutionDisabled", value=False)
    roles = [n.get("role", {}).get("value") for n in nodes]
    faults = [] if unfolded == len(sections) else [f"{unfolded} of {len(sections)} sections unfold"]
    words = " ".join(str(n.get("name", {}).get("value", "")) for n in nodes)
    if "records" in sections and "records.csv" not in words:
        faults.append("it does not say where the records are")
    if not roles.count("row"):
        faults.append("there are no tables")
    dead = roles.count("button") + roles.count("searchbox") + roles.count("slider")
    return faults + ([f"{dead} controls that do nothing are shown"] if dead else [])


def accessible(page: Page, axe: Path) -> Faults:
    """axe-core finds no violation that is serious or critical, light or dark, on a desk or on a telephone."""
    source = axe.read_text(encoding="utf-8")
    run = "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}).then(done);"
    faults = []
    page.driver.set_script_timeout(120)
    for size, scheme in ((DESK, "light"), (DESK, "dark"), (PHONE, "light")):
        page.open(size, "screen", scheme)
        page.probe("unfold()")
        page.driver.execute_script(source)
        result = page.driver.execute_async_script(run)
        for found in result["violations"]:
            if found["impact"] in ("serious", "critical"):
                places = ", ".join(str(node["target"][0]) for node in found["nodes"][:3])
                faults.append(
                    f"{size[0]} px, {scheme}: {found['id']}: {found['help']} ({len(found['nodes'])}: {places})"
                )
    return faults


CHECKS = (
    quiet,
    alone,
    overview,
    folds,
    sorts,
    filters,
    slides,
    readable,
    toggles,
    fits_a_phone,
    named,
    without_scripts,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--axe", type=Path, help="axe.min.js of axe-core; without it that check is skipped, by name")
    arguments = parser.parse_args()
    if not arguments.page.is_file():
        sys.exit(f"ci: there is no {arguments.page}")

    def report(check: Callable[..., Faults], *arguments: Any) -> bool:
        """Runs a check and prints how it came out; what the browser cannot even do is a fault too."""
        name, about = check.__name__, check.__doc__
        try:
            faults = check(*arguments)
        except WebDriverException as error:
            faults = [str(error.msg).splitlines()[0]]
        print(f"{'FAILED' if faults else 'ok':7}{name}: {(about or '').splitlines()[0]}", flush=True)
        for fault in faults[:12]:
            print(f"         {fault}")
        if len(faults) > 12:
            print(f"         and {len(faults) - 12} more")
        return bool(faults)

    with browser() as driver:
        page = Page(driver, arguments.page)
        failed = sum([report(check, page) for check in CHECKS])
        if arguments.axe and arguments.axe.is_file():
            failed += report(accessible, page, arguments.axe)
        else:
            print("SKIPPED accessible: axe-core is not at hand and npm could not be reached")
    sys.exit(f"ci: {failed} checks of {arguments.page} failed" if failed else 0)


if __name__ == "__main__":
    main()
