"""What can be said of a page by looking at it: rules, titles, room, focus."""

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

from tests.browser.chromium import DESKTOP, Visitor

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
# Rules that axe has but does not apply unless they are asked for.
ALSO = ("label-content-name-mismatch", "table-fake-caption", "target-size", "td-has-header")
EVERY_RULE = {"resultTypes": ["violations"], "rules": {rule: {"enabled": True} for rule in ALSO}}
COLOUR_RULES = {"runOnly": ["color-contrast", "link-in-text-block"]}
# WCAG 2.2, success criterion 1.4.12: what people may set, and nothing may be lost.
SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
        word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }`);
    document.adoptedStyleSheets = [sheet];
}"""
NO_SPACING = "() => { document.adoptedStyleSheets = [] }"
# What sticks out of where it stands, so that it is cut off or the page has to be scrolled sideways.
# A name in the header may end in an ellipsis: the whole of it is on the account's page.
OVERFLOW = """() => [...document.body.querySelectorAll("*")].filter((element) =>
    element.clientWidth && element.scrollWidth > element.clientWidth + 1
    && element.checkVisibility() && !element.closest(".visually-hidden, thead, input")
    && getComputedStyle(element).textOverflow !== "ellipsis"
).map((element) => `<${element.tagName.toLowerCase()} class="${element.className}"> is too narrow`)"""
FOCUS = """() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return {
        name: (element.getAttribute("aria-label") || element.labels?.[0]?.innerText
            || element.innerText || element.tagName).trim().replace(/\\s+/g, " "),
        outlined: style.outlineStyle === "auto"
            || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
        seen: middle !== null && (element.contains(middle) || middle.contains(element)),
    };
}"""


@dataclass
class Findings:
    """What was found at one stop of the tour."""

    title: str
    html: str
    axe: list[str] = field(default_factory=list)
    room: list[str] = field(default_factory=list)
    focus: list[str] = field(default_factory=list)


def examine(visitor: Visitor) -> Findings:
    """Look at the page that is shown in every way; it is left as it was."""
    page = visitor.page
    findings = Findings(page.title(), visitor.source())
    page.evaluate(AXE)
    findings.axe += _axe(page, "light", EVERY_RULE)
    page.emulate_media(color_scheme="dark")
    findings.axe += _axe(page, "dark", COLOUR_RULES)
    page.emulate_media(color_scheme="light")
    findings.room += _room(page)
    findings.focus += _focus(page)
    return findings


def focus(page: Page) -> Any:
    """Name of what has the focus, whether one sees that, and whether it is uncovered."""
    return page.evaluate(FOCUS)


def _axe(page: Page, scheme: str, options: dict[str, Any]) -> list[str]:
    results = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{scheme}: {rule['id']} at {node['target']}: {node['failureSummary']}"
        for rule in results["violations"]
        for node in rule["nodes"]
    ]


def _room(page: Page) -> list[str]:
    """At 320 CSS pixels, as 1280 zoomed to 400 % are (WCAG 2.2, 1.4.10), and with more spacing."""
    page.set_viewport_size({"width": 320, "height": 640})
    found: list[str] = page.evaluate(OVERFLOW)
    page.evaluate(SPACING)
    found += page.evaluate(OVERFLOW)
    page.evaluate(NO_SPACING)
    page.set_viewport_size({"width": 640, "height": 400})
    found += page.evaluate(OVERFLOW)
    # Text of twice the size on a phone (WCAG 2.2, 1.4.4).
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    found += [f"{line} with large text" for line in page.evaluate(OVERFLOW)]
    page.evaluate("document.documentElement.removeAttribute('style')")
    page.set_viewport_size(DESKTOP)
    return found


def _focus(page: Page) -> list[str]:
    """Press Tab from the first stop to the last."""
    page.evaluate("document.activeElement.blur()")
    found = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = focus(page)
        if stop is None:
            break
        if not stop["outlined"]:
            found.append(f"no focus is seen on {stop['name']!r}")
        if not stop["seen"]:
            found.append(f"{stop['name']!r} has the focus and is covered or outside")
    return found
