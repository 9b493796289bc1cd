"""axe-core's rules, held against a browser as it is on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import CHECKOUT

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from shown import Shown

AXE = CHECKOUT / "js" / "node_modules" / "axe-core" / "axe.min.js"
RULES = """
async () => {
  const found = await axe.run({ include: [{ fromShadowDom: ["[data-lm-suppress-shortcuts]", ".rl"] }] });
  return found.violations.map(each => `${each.id}: ${each.help} · ` + each.nodes.map(node => node.html).join(" · "));
}
"""


def bring(page: Page) -> None:
    """Bring axe-core into a page."""
    page.add_script_tag(path=AXE)


def violations(shown: Shown) -> list[str]:
    """Return each rule that a browser breaks as it is now, and where."""
    found: list[str] = shown.root.page.evaluate(RULES)
    return found
