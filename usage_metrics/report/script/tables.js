/* Tables that a reader sorts, searches and reads page by page, on every page. Their last
   lines, in the foot, stay where they are: what is not shown, and all others. */

const LINES = 25; // as in static_tables.py
const IN_TIME = ["Period", "Day"];
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const arranged = new Map();

// Numbers and days have an order of their own; null is what has no number.
const NUMBER = /^[+±−]?[\d,]+(\.\d+)?( %)?$/;
const SIZE = /^([\d,.]+) ([kMGTP])B$/;
const DAY_OF = /^\d+ [A-Z][a-z]+ \d{4}$/;
const mainText = (cell) => [...cell.childNodes].filter((node) => node.nodeName !== "SMALL")
  .map((node) => node.textContent).join("").trim();
function valueOf(cell) {
  if (cell.dataset.value) return Number(cell.dataset.value);
  const text = mainText(cell).replaceAll(",", "").replace(/ \(.*\)$/, "");
  if (NUMBER.test(text)) return parseFloat(text.replace("−", "-").replace("±", ""));
  const [, amount, unit] = SIZE.exec(text) ?? [];
  return unit ? amount * 1000 ** ("kMGTP".indexOf(unit) + 1) : null;
}
const timeOfDay = (cell) => {
  const text = mainText(cell);
  return DAY_OF.test(text) ? Date.parse(`${text} UTC`) : null;
};

// The heads of single columns: where there are two rows, a cell of the first goes through.
const headsOf = ({ tHead: { rows } }) => (rows.length === 1 ? [...rows[0].cells]
  : [...[...rows[0].cells].filter((cell) => cell.rowSpan > 1), ...rows[1].cells]);
const keyOf = (head) => head.dataset.key ?? head.textContent;

function sorter({ lines, order }, heads) {
  const column = heads.findIndex((head) => order && keyOf(head) === order.key);
  if (column === -1) return null;
  const cells = new Map(lines.map((line) => [line, line.cells[column]]));
  const ranks = new Map(lines.map((line, place) => [line, place]));
  const isNumber = heads[column].classList.contains("number");
  const rank = (line) => (IN_TIME.includes(heads[column].textContent) ? ranks.get(line)
    : isNumber ? valueOf(cells.get(line)) : timeOfDay(cells.get(line)));
  const byText = (one, other) =>
    (isNumber ? 0 : collator.compare(cells.get(one).textContent, cells.get(other).textContent));
  const sign = order.isDown ? -1 : 1;
  const found = new Map(lines.map((line) => [line, rank(line)]));
  return (one, other) => {
    const [first, second] = [found.get(one), found.get(other)];
    if (first === null && second === null) return sign * byText(one, other);
    return first === null ? 1 : second === null ? -1 : sign * (first - second);
  };
}

const folded = (text) => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
const textsOf = (line) =>
  [...line.querySelectorAll("th, td:not(.number)")].map((cell) => cell.textContent).join(" ");

// All lines that a search finds, in order, and those that it leaves out.
function linesOf(state) {
  const wanted = folded(state.search.value.trim());
  const isFound = (line) => folded(textsOf(line)).includes(wanted);
  const order = sorter(state, headsOf(state.table));
  const lines = order ? [...state.lines].sort(order) : state.lines;
  return [lines.filter(isFound), wanted ? lines.filter((line) => !isFound(line)) : []];
}

// A line on others; what they add up to, where that may be said.
function lineOn(others, { adds, table }, name) {
  const line = document.createElement("tr");
  const head = line.appendChild(document.createElement("th"));
  const columns = headsOf(table).length;
  head.scope = "row";
  head.append(name);
  if (!adds) head.colSpan = columns;
  for (let column = 1; adds && column < columns; column += 1) line.append(adds(others, column));
  return line;
}

function arrange(state) {
  const { table, search, status } = state;
  const [found, leftOut] = linesOf(state);
  const shown = found.slice(0, LINES * state.pages);
  const rest = found.slice(shown.length);
  if (!state.isGrouped) table.tBodies[0].replaceChildren(...shown);
  else {
    for (const body of [...table.tBodies]) body.remove();
    table.tHead.after(...shown);
  }
  const foot = table.tFoot ?? table.createTFoot();
  const lines = [];
  if (rest.length) lines.push(lineOn(rest, state, moreOf(state, rest.length)));
  if (leftOut.length) lines.push(lineOn(leftOut, state, `${leftOut.length} left out by the search`));
  foot.replaceChildren(...lines, ...state.others);
  if (!foot.rows.length) foot.remove();
  search.parentElement.hidden = state.lines.length <= LINES && search.value === "";
  status.textContent = leftOut.length ? `${found.length} of ${state.lines.length} lines` : "";
}

function moreOf(state, count) {
  return madeButton("next-lines", `${count} more`, () => {
    state.pages += 1;
    arrange(state);
    (state.table.querySelector(".next-lines") ?? state.table.closest("[tabindex]") ?? state.search).focus();
  });
}

// A press sorts, a second one turns the order round, a third one takes it back.
function turnOrder(state, head) {
  const key = keyOf(head);
  const first = head.classList.contains("number");
  const isSame = state.order?.key === key;
  state.order = !isSame ? { key, isDown: first }
    : state.order.isDown === first ? { key, isDown: !first } : null;
  markOrder(state);
  arrange(state);
}

function markOrder({ table, order }) {
  for (const head of headsOf(table)) {
    if (order?.key === keyOf(head)) head.setAttribute("aria-sort", order.isDown ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function withSorting(state) {
  for (const head of headsOf(state.table)) {
    if (head.querySelector("button") || !head.textContent.trim() || head.matches(".unsorted")) continue;
    head.append(madeButton("sort", [...head.childNodes], () => turnOrder(state, head)));
  }
  markOrder(state);
}

function searchOf(table) {
  const label = document.createElement("label");
  const search = document.createElement("input");
  const status = document.createElement("span");
  label.className = "search";
  search.type = "search";
  search.placeholder = "Search";
  search.setAttribute("aria-label", `Search: ${table.caption.textContent}`);
  status.setAttribute("role", "status");
  label.append(search, " ", status);
  label.hidden = true;
  if (table.matches(".narrow")) label.classList.add("of-narrow");
  if (table.closest(".wide")) label.classList.add("of-wide");
  (table.closest(".scroll") ?? table).before(label);
  return { search, status };
}

// The state of a table outlives its lines: the order and the search stay.
function stateOf(table) {
  if (!arranged.has(table)) {
    const isGrouped = table.classList.contains("narrow");
    const lines = isGrouped ? [...table.tBodies] : [...table.tBodies[0].rows];
    const others = [...table.tFoot?.rows ?? []];
    const state = { table, isGrouped, lines, others, order: null, pages: 1, ...searchOf(table) };
    state.search.addEventListener("input", () => { state.pages = 1; arrange(state); });
    arranged.set(table, state);
  }
  return arranged.get(table);
}

function beginTable(state) {
  if (!state.isGrouped && state.lines.length > 1) withSorting(state);
  arrange(state);
}

// On paper, the first page of each table.
let pagesBefore = [];
window.addEventListener("beforeprint", () => {
  pagesBefore = [...arranged.values()].map((state) => [state, state.pages]);
  for (const [state] of pagesBefore) { state.pages = 1; arrange(state); }
});
window.addEventListener("afterprint", () => {
  for (const [state, pages] of pagesBefore) { state.pages = pages; arrange(state); }
});

for (const table of document.querySelectorAll("table[data-table]")) beginTable(stateOf(table));
