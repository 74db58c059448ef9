/* What the page shows, as JSON: docs/results.md says what is in it. */

// A number; one of which more is said; a text; or null where there is none.
function datumOf(cell) {
  if (!cell.matches("td.number")) return plain(mainText(cell));
  const text = mainText(cell);
  const [, note] = /\((.*)\)$/.exec(text) ?? [];
  const value = valueOf(cell);
  if (note) return { value, note };
  return value ?? (/^–?$/.test(text) ? null : text);
}

function unitOf(cells) {
  const texts = cells.map(mainText);
  if (texts.some((text) => /\d %$/.test(text))) return "share";
  return texts.some((text) => /\d (bytes|[kMGTP]B)$/.test(text)) ? "bytes" : "count";
}

// What stands in small letters below a name is a column of its own.
function tableAsData({ table, lines, others }) {
  const rows = [...lines, ...others];
  const columns = headsOf(table).map((head, place) => ({ head, place })).filter(({ head }) => !head.matches(".unsorted"));
  const hasMore = rows.some((row) => row.cells[0].querySelector("small"));
  const small = (cell) => cell.querySelector("small")?.textContent ?? "";
  const below = hasMore ? [{ name: plain(small(columns[0].head)) || "Below", unit: null }] : [];
  const texts = headTexts(table);
  const described = columns.map(({ head, place }) => ({
    name: place ? texts[place] : plain(head.querySelector("small") ? headName(head) : head.textContent),
    unit: head.classList.contains("number") && place ? unitOf(rows.map((row) => row.cells[place])) : null,
  }));
  return {
    id: table.dataset.table,
    title: table.caption.textContent,
    columns: [described[0], ...below, ...described.slice(1)],
    rows: rows.map(({ cells }) => [datumOf(cells[0]), ...(hasMore ? [small(cells[0])] : []),
      ...columns.slice(1).map(({ place }) => datumOf(cells[place]))]),
  };
}
const headName = (head) => mainText(head.querySelector(".sort") ?? head);

function figuresAsData() {
  const shown = [...document.querySelectorAll("[data-figure]")].filter((place) => !place.closest("[data-table]"));
  return shown.map((place) => ({
    id: place.dataset.figure, value: valueOf(place), unit: unitOf([place]), text: plain(place.textContent),
  }));
}

function pageAsData() {
  const said = (selector) => plain(document.querySelector(selector)?.textContent ?? "");
  const terms = [...document.querySelectorAll(".glossary dt, .glossary dd")];
  const glossary = {};
  let term = "";
  for (const part of terms) {
    if (part.tagName === "DT") term = plain(part.textContent);
    else glossary[term] = [glossary[term], plain(part.textContent)].filter(Boolean).join(" ");
  }
  const fields = [...document.querySelectorAll("#filter [id]:is(select, input)")];
  return {
    title: said("h1"), about: said(".span"), made: said(".span + .small"), address: location.hash,
    chosen: Object.fromEntries(fields.map((field) => [field.id, field.value])),
    chosen_names: [...document.querySelectorAll(".chip")].map((chip) => plain(chip.textContent)),
    figures: figuresAsData(),
    tables: [...arranged.values()].filter(({ isGrouped }) => !isGrouped).map(tableAsData),
    what_each_counts: glossary,
  };
}

const jsonTools = document.createElement("div");
jsonTools.className = "tools";
jsonTools.append(madeButton("json", "The page's data as JSON", () => {
  const name = decodeURIComponent(location.pathname.split("/").pop()).replace(/\.html$/, "");
  save(`${name || "index"}.json`, "application/json", [JSON.stringify(pageAsData(), null, 1)]);
}));
document.querySelector("header.top").append(jsonTools);
