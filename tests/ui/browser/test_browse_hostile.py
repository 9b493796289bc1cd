"""What others stored is shown as text: it runs nothing, and moves nothing on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import LabServer
    from playwright.sync_api import Browser, Page

# By what each is, a name; the same text is a metadata key and a value of each.
HOSTILE = {
    "script": "<script>window.ran = 1</script>",
    "image": "<img src=x onerror='window.ran = 1'>",
    "svg": "<svg onload='window.ran = 1'></svg>",
    "closing": "</span></div></section><b>bold</b>",
    "style": "<style>* { display: none !important }</style>",
    "link": "javascript:window.ran = 1",
    "template": "${window.ran = 1} {{window.ran = 1}}",
    "prototype": "__proto__",
    "constructor": "constructor",
    "right to left": "invoice\u202efdp.exe",
    "arabic": "\u0645\u0644\u0641 \u0645\u0647\u0645",
    "zero width": "pen\u200bgu\u200d\u2060ins\ufeff",
    "controls": "bell\x07 back\x08 escape\x1b[31m null-like\x01",
    "lines": "one\ntwo\r\nthree\u2028four\ttab",
    "marks": "z" + "\u0335\u0323\u0489" * 60,
    "blank": " \u00a0\u3000 ",
    "slashes": "//..//../etc/passwd",
    "quotes": "a\"b'c`d\\e",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308",
    "long": "w" * 900,
    "wide": "\ufdfd" * 200,
    "replaced": "half a character: \ufffd.",
}
FILL = f"""%load_ext runloop_jupyter
%config RunloopMagics.progress = False
import httpx
import runloop_jupyter as rl
from runloop_jupyter.session import current
store = current().store
rl.put("harmless", "harmless")
for kind, text in {HOSTILE!r}.items():
    metadata = {{"kind": kind, text[:60]: text, "large": text * (60_000 // len(text.encode()))}}
    body = {{"name": text, "content_type": "text", "metadata": metadata}}
    view = store.objects.service.call("POST", "/v1/objects", dict, body=body)
    httpx.put(view["upload_url"], content=text.encode()).raise_for_status()
    store.objects.complete(view["id"])
"""


@pytest.fixture(scope="module")
def page(browser: Browser, lab: LabServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    yield page
    lab.end_sessions(page)
    context.close()


@pytest.fixture(scope="module")
def shown(page: Page, lab: LabServer) -> Shown:
    notebook = lab.open(page, lab.write("hostile.ipynb", [FILL, "rl.browse(columns=['kind', 'large', 'constructor'])"]))
    notebook.run_all()
    shown = Shown(page.get_by_role("region", name="Object browser"))
    expect(shown.row("harmless")).to_be_visible(timeout=20_000)
    return shown


def test_each_is_a_row_like_any_other(shown: Shown) -> None:
    shown.root.scroll_into_view_if_needed()
    heights = shown.rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert set(heights) == {30}
    width = shown.root.evaluate("root => [root.scrollWidth, root.clientWidth]")
    assert width[0] == width[1]
    shown.picture("hostile")


def test_each_is_there(shown: Shown) -> None:
    expect(shown.root).to_contain_text(f"{len(HOSTILE) + 1} objects")


def test_markup_is_read_as_it_was_written(shown: Shown) -> None:
    expect(shown.row("<script>window.ran = 1</script>")).to_be_visible()


def test_each_can_be_selected_and_looked_at(shown: Shown) -> None:
    shown.rows.first.click()
    for _ in range(shown.rows.count()):
        expect(shown.preview.get_by_role("button", name="Get", exact=True)).to_be_visible()
        right = shown.preview.evaluate("pane => [pane.scrollWidth, pane.clientWidth]")
        assert right[0] <= right[1] + 1
        shown.press("ArrowDown")
    shown.picture("hostile-preview")


def test_their_keys_and_values_are_facets_and_suggestions(shown: Shown) -> None:
    shown.search.fill("<")
    expect(shown.root.get_by_role("option").first).to_be_visible()
    shown.search.fill("")
    shown.press("Escape")
    wide = shown.filters.evaluate("pane => [pane.scrollWidth, pane.clientWidth]")
    assert wide[0] <= wide[1] + 1


def test_nothing_of_it_has_run(shown: Shown) -> None:
    assert shown.root.evaluate("() => [window.ran, Object.prototype.kind, ({}).large]") == [None, None, None]
    assert shown.root.evaluate("root => root.querySelectorAll('script, img[onerror], b, iframe, object').length") == 0
