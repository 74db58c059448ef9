"""Tables that are sorted, searched, read page by page, and saved."""

import csv
from pathlib import Path

from chromium import Page, needs_browser

pytestmark = needs_browser

PATHS = "paths"
SEARCH = """
const box = document.querySelector(`[aria-label="Search: ${arguments[0]}"]`);
box.value = arguments[1];
box.dispatchEvent(new Event("input"));
return [box.checkVisibility(), box.nextElementSibling.textContent];
"""
SORTED = """
return [...document.querySelectorAll(`[data-table="${arguments[0]}"] [aria-sort]`)].map(
    (head) => [head.textContent, head.ariaSort]);
"""


def number(text: str) -> int:
    return int(text.replace(",", ""))


def column(page: Page, head: str, table: str = PATHS) -> list[int]:
    place = page.heads(table).index(head)
    return [number(row[place]) for row in page.table(table)]


def press(page: Page, head: str, table: str = PATHS) -> None:
    """Sort by the keyboard."""
    from selenium.webdriver.common.keys import Keys

    page.run("for (const box of document.querySelectorAll('details')) box.open = true;")
    heads = f"[data-table='{table}'] .sort"
    buttons = page.driver.find_elements("css selector", heads)
    page.run("arguments[0].focus()", button := buttons[page.heads(table).index(head)])
    button.send_keys(Keys.ENTER)


def saved(page: Page, folder: Path, table: str = PATHS) -> list[list[str]]:
    """What is saved as CSV, with its heads."""
    page.command(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder)
    )
    table_at = f"[data-table='{table}']"
    page.run(
        "document.querySelector(arguments[0]).closest('.scroll')"
        ".nextElementSibling.querySelector('.csv').click()",
        table_at,
    )
    file = folder / f"{table}.csv"
    page.until(file.exists)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        found = list(csv.reader(lines))
    file.unlink()
    return found


def more(page: Page, table: str = PATHS) -> None:
    page.run(f"document.querySelector('[data-table={table}] .next-lines').click()")


def test_a_table_is_sorted_by_its_heads_and_stays_so(page: Page) -> None:
    ranked = page.table(PATHS)
    press(page, "Machine")
    assert page.run(SORTED, PATHS) == [["Machine", "descending"]]
    *machines, _, _ = column(page, "Machine")
    assert machines == sorted(machines, reverse=True)
    assert len(machines) == 25
    assert [row[0] for row in page.table(PATHS)[-2:]] == ["35 more", "All others"]
    assert page.table(PATHS)[-1] == ranked[-1]
    page.choose(measure="requests")
    assert page.run(SORTED, PATHS) == [["Machine", "descending"]]
    press(page, "Machine")
    *machines, _, _ = column(page, "Machine")
    assert machines == sorted(machines)
    page.reset()
    press(page, "Machine")
    assert page.run(SORTED, PATHS) == []
    assert page.table(PATHS) == ranked


def test_names_are_sorted_as_names_and_days_as_days(page: Page) -> None:
    press(page, "Organisation AS number · Network", "top_organizations")
    names = [name for name, _ in page.names("top_organizations")]
    assert names == sorted(names, key=str.casefold)
    for _ in range(2):
        press(page, "Period", "periods")
    days = [row[0] for row in page.table("periods")]
    assert (days[0], days[-1]) == ("15 March 2026", "2 March 2026")


def test_a_table_adds_up_to_the_same_whatever_of_it_is_shown(
    page: Page, tmp_path: Path
) -> None:
    noun, total = "Counted uses", number(page.text("[data-figure='all.counted']"))
    assert len(page.table(PATHS)) == 25 + len(["more", "All others"])
    shares = [float(row[2].split()[0]) for row in page.table(PATHS)]
    assert abs(sum(shares) - 100) < 2
    assert sum(column(page, noun)) == total
    more(page)
    assert len(page.table(PATHS)) == 50 + len(["more", "All others"])
    assert page.run("return document.activeElement.textContent") == "10 more"
    assert sum(column(page, noun)) == total
    assert page.run(SEARCH, "Top paths", "FERC1/") == [True, "15 of 60 lines"]
    found = page.table(PATHS)
    assert [row[0] for row in found[-2:]] == ["45 left out by the search", "All others"]
    assert all("ferc1/" in row[0] for row in found[:-2])
    assert sum(column(page, noun)) == total
    heads, *lines = saved(page, tmp_path)
    assert heads == page.heads(PATHS)
    assert [[line[1], *line[3:]] for line in lines] == [
        [str(number(cell)) for cell in (row[1], *row[3:])] for row in found
    ]
    assert abs(sum(float(line[2]) for line in lines) - 1) < 1e-9
    page.choose(who="human")
    assert all("ferc1/" in row[0] for row in page.table(PATHS)[:-2])
    assert page.run(SEARCH, "Top paths", "") == [False, ""], "it has few lines"
    page.reset()
    assert len(saved(page, tmp_path)) == len(["heads"]) + 60 + len(["All others"])


def test_the_first_page_of_a_table_is_printed(page: Page) -> None:
    more(page)
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    assert len(page.table(PATHS)) == 27
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert len(page.table(PATHS)) == 52
