"""A browser as it is seen on a page, whatever the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import ARTIFACTS
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator


@dataclass(frozen=True)
class Shown:
    """What a person finds in it, by what it is called.

    Attributes:
        root: Its region, or what it stands in.
    """

    root: Locator

    @property
    def grid(self) -> Locator:
        """The table."""
        return self.root.get_by_role("grid", name="Objects")

    @property
    def rows(self) -> Locator:
        """The rows of objects that are in the page."""
        return self.grid.locator("[role=row]:has(.name)")

    def row(self, name: str) -> Locator:
        """Return the first row with this in its name."""
        return self.rows.filter(has_text=name).first

    @property
    def search(self) -> Locator:
        """The search box."""
        return self.root.get_by_role("combobox", name="Search")

    @property
    def filters(self) -> Locator:
        """The facets."""
        return self.root.get_by_role("complementary", name="Filters")

    @property
    def preview(self) -> Locator:
        """The pane on the right."""
        return self.root.get_by_role("complementary", name="Preview")

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.root.get_by_role("dialog")

    def button(self, name: str) -> Locator:
        """Return the first button of this name."""
        return self.root.get_by_role("button", name=name).first

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            self.root.page.keyboard.press(key)

    def choose(self, *names: str) -> None:
        """Upload files from memory by the picker, under these names."""
        self.button("Upload").click()
        expect(self.dialog).to_be_visible()
        files = [{"name": name, "mimeType": "text/plain", "buffer": f"{name}\n".encode()} for name in names]
        self.dialog.locator("input[type=file]").first.set_input_files(files)  # type: ignore[arg-type]

    def picture(self, name: str) -> Path:
        """Keep a picture of it under ``artifacts/ui``."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        self.root.screenshot(path=path)
        return path
