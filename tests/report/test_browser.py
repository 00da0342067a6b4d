"""The page as readers meet it: in a real browser, from disk, by mouse, by keyboard and on paper."""

import pytest

from priorlift.report.numbers import NONE

pytestmark = pytest.mark.browser
NAMES = (
    *("study", "hostile", "bare", "ranking", "hostile tasks"),
    *("verification", "spending", "relation", "sweep", "hostile sweep"),
    *("phases", "one curve"),
)


@pytest.fixture
def open_page(browser_page, files):
    """Open a page of a name and note what the browser complains about or asks for."""
    complaints, requests = [], []
    browser_page.on("console", lambda message: complaints.append(message.text))
    browser_page.on("pageerror", lambda error: complaints.append(str(error)))
    browser_page.on("dialog", lambda dialog: complaints.append(dialog.message))
    browser_page.on("request", lambda request: requests.append(request.url))

    def opened(name="study", width=1280, height=900, **media):
        browser_page.set_viewport_size({"width": width, "height": height})
        if media:
            browser_page.emulate_media(**media)
        browser_page.goto(files[name].as_uri())
        return browser_page

    opened.complaints, opened.requests = complaints, requests
    return opened


def texts(page, selector):
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


def lifts(page):
    return page.evaluate(
        "[...document.querySelectorAll('#verdict-table tbody tr')]"
        ".map(row => +row.cells[3].dataset.sort)"
    )


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_from_disk_without_an_error_and_without_a_request(open_page, files, name):
    page = open_page(name)
    page.wait_for_timeout(100)
    assert open_page.complaints == []
    assert open_page.requests == [files[name].as_uri()]


def test_the_policy_stops_an_injected_script(open_page):
    page = open_page()
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " { textContent: 'window.injected = true' }))"
    )
    assert page.evaluate("window.injected") is None
    assert any("Content Security Policy" in text for text in open_page.complaints)


def test_a_table_sorts_by_a_click_and_says_so(open_page):
    page = open_page()
    header = page.locator("#verdict-table thead th", has_text="Lift").first
    assert header.get_attribute("aria-sort") is None
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert lifts(page) == sorted(lifts(page), reverse=True)
    assert page.locator("#announce").inner_text() == "Sorted by Lift, descending."
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert lifts(page) == sorted(lifts(page))
    assert page.locator("#verdict-table [aria-sort]").count() == 1


def test_a_table_sorts_by_the_keyboard_alone(open_page):
    page = open_page()
    before = texts(page, "#verdict-table tbody tr > :nth-child(2)")
    page.locator("#verdict-table thead button", has_text="Verdict").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    after = texts(page, "#verdict-table tbody tr > :nth-child(2)")
    assert before != after == sorted(before)


def test_what_is_missing_stays_last_either_way(open_page):
    page = open_page()
    button = page.locator("#verdict-table thead button", has_text="Labels to settle")
    for _ in range(2):
        button.click()
        cells = texts(page, "#verdict-table tbody tr > :nth-child(8)")
        numbers = [cell for cell in cells if cell != NONE]
        assert 0 < len(numbers) < len(cells)
        assert cells[: len(numbers)] == numbers


def test_the_curves_of_a_value_unfold_and_its_points_sort(open_page):
    page = open_page("phases", 390)
    assert page.locator("details figure svg:visible").count() == 0
    page.locator("summary", has_text="qF = 0.5").click()
    assert page.locator("details figure svg:visible").count() == 1
    page.locator("#points thead button", has_text="Gain").click()
    gains = page.evaluate(
        "[...document.querySelectorAll('#points tbody tr')].map(row => +row.cells[5].dataset.sort)"
    )
    assert gains == sorted(gains, reverse=True)


def test_the_first_tab_stop_skips_to_the_verdict(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Skip to")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_focus_can_be_seen(open_page):
    page = open_page()
    page.locator("#verdict-table thead button").first.focus()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_never_scrolls_sideways(open_page, name):
    page = open_page(name)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for width in (320, 360, 390, 768, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_each_plot_is_there_once_for_eyes_and_for_screen_readers(open_page, width):
    page = open_page("study", width)
    images = page.get_by_role("img")
    assert images.count() == 6
    for image in images.all():
        assert image.is_visible()
    names = page.evaluate(
        "[...document.querySelectorAll('svg')].filter(s => s.checkVisibility())"
        ".map(s => s.getAttribute('aria-labelledby').split(' ')"
        ".map(id => document.getElementById(id).textContent).join(' '))"
    )
    assert len(set(names)) == 6
    assert any("digits 3 and 8: +0.094" in name and "helps" in name for name in names)


@pytest.mark.parametrize("width", [360, 1280])
def test_text_in_plots_is_large_enough_to_read(open_page, width):
    page = open_page("study", width)
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('svg')].filter(s => s.checkVisibility())"
        ".flatMap(s => [...s.querySelectorAll('text')].map(t => parseFloat("
        "getComputedStyle(t).fontSize) * s.getBoundingClientRect().width"
        " / s.viewBox.baseVal.width)))"
    )
    assert smallest >= 9.5


def test_labels_of_plots_stay_inside_the_page(open_page):
    page = open_page("hostile", 360)
    outside = page.evaluate(
        "[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect())"
        ".filter(box => box.width && (box.left < 0 || box.right > 360)).length"
    )
    assert outside == 0


def test_cards_on_a_phone_are_still_a_table_for_screen_readers(open_page, result):
    page = open_page("study", 390)
    table = page.get_by_role("table", name="8 claims at 50 training labels")
    assert table.get_by_role("row").count() == 1 + len(result.verdicts)
    assert table.get_by_role("rowheader").count() == 2 * len(result.verdicts)
    page.locator("#verdict-table thead button", has_text="Lift").click()
    assert lifts(page) == sorted(lifts(page), reverse=True)


def test_only_boxes_that_scroll_are_stops_of_the_tab_key(open_page):
    page = open_page("study", 1280)
    stops = page.evaluate("document.querySelectorAll('.table-box[tabindex]').length")
    page = open_page("study", 360)
    assert stops == 0 < page.evaluate("document.querySelectorAll('.table-box[tabindex]').length")


def brightness(page, selector, what):
    colour = page.evaluate(f"getComputedStyle(document.querySelector({selector!r})).{what}")
    red, green, blue = (float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return (red + green + blue) / 3


def test_dark_mode_turns_page_and_plots(open_page):
    page = open_page("study", color_scheme="dark")
    assert brightness(page, "body", "backgroundColor") < 60
    assert brightness(page, "svg text", "fill") > 150
    page.emulate_media(color_scheme="light")
    assert brightness(page, "body", "backgroundColor") > 240
    assert brightness(page, "svg text", "fill") < 60


def test_paper_is_white_even_in_dark_mode_and_shows_what_is_folded(open_page):
    page = open_page("study", width=700, color_scheme="dark", media="print")
    assert brightness(page, "body", "backgroundColor") > 240
    assert brightness(page, "svg text", "fill") < 60
    assert not page.locator("nav").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every(part => part.open)")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every(part => !part.open)")


def test_it_prints(open_page):
    assert open_page("study").pdf(format="A4")[:4] == b"%PDF"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width"), [("phone", 390), ("desktop", 1280)])
@pytest.mark.parametrize("name", ["study", "tasks", "phases"])
def test_pictures_are_kept(open_page, artifacts, name, device, width, scheme):
    page = open_page(name, width, color_scheme=scheme)
    path = artifacts / f"report-{name}-{device}-{scheme}.png"
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 10_000
