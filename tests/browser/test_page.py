"""The report as a browser shows it, at the widths of a phone, a tablet and a desk."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from browser import Browser

WIDTHS = (360, 768, 1400)
PAGES = ("mixtures", "grid")

PLOTS = "[...document.querySelectorAll('.plot')]"
BARE = f"{PLOTS}.filter(plot => !plot.querySelector('svg.main-svg')).map(plot => plot.dataset.figure)"
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
COLOUR = "getComputedStyle(document.body).backgroundColor"
PAPER = "document.querySelector('.plot svg.main-svg').style.background"


def draw(browser: Browser) -> None:
    browser.run(OPEN_ALL)
    browser.run("downlawReport.drawAll()")
    browser.until(f"{BARE}.length === 0")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_figures_are_drawn_and_nothing_runs_over(
    browser: Browser, pages: dict[str, Path], name: str, width: int, dark: bool
):
    browser.open(pages[name], width, dark=dark)
    draw(browser)
    assert browser.run("document.documentElement.scrollWidth") <= browser.run(
        "document.documentElement.clientWidth"
    )
    drawn = "[...document.querySelectorAll('.plot svg.main-svg')]"
    assert browser.run(f"{drawn}.every(each => each.getBoundingClientRect().right <= innerWidth)")
    assert browser.complaints() == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_fetched(browser: Browser, pages: dict[str, Path], name: str):
    browser.open(pages[name], 1400)
    draw(browser)
    assert browser.requests() == [pages[name].resolve().as_uri()]


@pytest.mark.parametrize("name", PAGES)
def test_links_resolve(browser: Browser, pages: dict[str, Path], name: str):
    browser.open(pages[name], 1400)
    links = browser.run("[...document.links].map(link => link.getAttribute('href'))")
    assert len(links) > 20
    for link in links:
        if link.startswith("#"):
            assert browser.run(f"!!document.getElementById(decodeURIComponent({link[1:]!r}))"), link
        else:
            assert (pages[name].parent / unquote(link)).is_file(), link


def test_figures_are_drawn_when_they_come_into_sight(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["many"], 1400)
    whole = browser.run(f"{PLOTS}.length")
    assert browser.run("downlawReport.drawn()") < whole
    browser.run("document.querySelector('details.more').open = true")
    browser.run("document.querySelector('details.more').scrollIntoView({behavior: 'instant'})")
    browser.until("!!document.querySelector('details.more .plot svg.main-svg')")


def test_colours_follow_the_paper_while_the_page_is_open(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["mixtures"], 1400, dark=True)
    draw(browser)
    assert browser.run(COLOUR) == browser.run(PAPER) == "rgb(22, 25, 31)"
    light = [{"name": "prefers-color-scheme", "value": "light"}]
    browser("Emulation.setEmulatedMedia", media="screen", features=light)
    browser.until(f"{COLOUR} === 'rgb(255, 255, 255)' && {PAPER} === 'rgb(255, 255, 255)'")


def test_the_legend_works_by_keyboard(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["mixtures"], 1400)
    draw(browser)
    figure = "document.querySelector('figure')"
    shown = f"{figure}.querySelectorAll('.scatterlayer .trace').length"
    before = browser.run(shown)
    browser.run(f"{figure}.querySelector('.legend button').focus()")
    for kind in ("rawKeyDown", "char", "keyUp"):
        text = {"text": "\r"} if kind == "char" else {}
        browser(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, **text
        )
    browser.until(f"{figure}.querySelector('.legend button').getAttribute('aria-pressed') === 'false'")
    browser.until(f"{shown} < {before}")


def test_all_controls_can_be_reached_and_have_a_name(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["mixtures"], 1400)
    draw(browser)
    controls = "[...document.querySelectorAll('main a, main button, main summary, main .scroll')]"
    assert browser.run(f"{controls}.filter(c => c.tabIndex < 0).length") == 0
    by = "document.getElementById(c.getAttribute('aria-labelledby'))?.textContent"
    name = f"(c.matches('.scroll') ? {by} : c.getAttribute('aria-label') || c.textContent)"
    unnamed = f"{controls}.filter(c => !({name} || '').trim()).length"
    assert browser.run(f"{controls}.filter(c => c.matches('.scroll')).length") > 5
    assert browser.run(unnamed) == 0
    assert browser.run(f"{PLOTS}.every(plot => plot.getAttribute('aria-label').length > 60)")


def test_a_link_opens_what_is_closed(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["many"], 1400)
    closed = browser.run("[...document.querySelectorAll('section > details.section')].pop().parentElement.id")
    browser.run(f"location.hash = encodeURIComponent({closed!r})")
    browser.until(f"document.getElementById({closed!r}).querySelector('details').open")


def test_an_address_that_encodes_nothing_is_no_error(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["mixtures"], 1400)
    browser.run("location.hash = '%E0%A4%A'")
    draw(browser)
    assert browser.complaints() == []


def test_two_hundred_curves_are_usable(browser: Browser, pages: dict[str, Path]):
    browser.open(pages["many"], 360)
    browser.run("document.querySelector('.plot').scrollIntoView({behavior: 'instant'})")
    browser.until("!!document.querySelector('.plot svg.main-svg')")
    browser.run("document.querySelector('[data-all=true]').click()")
    browser.until(
        "document.querySelectorAll('.plot')[0].querySelectorAll('.scatterlayer .trace').length > 100"
    )
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.complaints() == []


def test_it_prints_in_light_with_its_figures(browser: Browser, pages: dict[str, Path], tmp_path: Path):
    browser.open(pages["mixtures"], 1400, dark=True)
    browser.pdf(tmp_path / "report.pdf", dark=True)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert browser.run("downlawReport.drawn()") > 4
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(PAPER) == "rgb(255, 255, 255)"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(PAPER) == "rgb(22, 25, 31)"


def test_without_scripts_all_is_said_in_words(browser: Browser, pages: dict[str, Path]):
    browser("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open_without_scripts(pages["mixtures"], 1400)
        said = browser.text()
    finally:
        browser("Emulation.setScriptExecutionDisabled", value=False)
    assert "This figure is drawn by a script." in said and "serves en-de best" in said
