/* Each table as a file for a spreadsheet: all of its lines that the filter and the search
   leave, as they are sorted. */

// What a spreadsheet would compute is a text, as in spreadsheet.py.
const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20](?=.)/u;
const plain = (text) => text.replaceAll(/\s+/g, " ").trim();

function field(cell) {
  const isNumber = cell.matches("td.number") && !mainText(cell).endsWith(")");
  const value = isNumber ? valueOf(cell) : null;
  if (value !== null) return String(value);
  return textField(cell.tagName === "TH" ? cell.textContent : mainText(cell));
}
const textField = (text) => `"${plain(text).replace(FORMULA, "'$&").replaceAll('"', '""')}"`;

// Where two rows of heads stand, a column has a name of both.
function headTexts(table) {
  const groups = table.tHead.rows.length > 1
    ? [...table.tHead.rows[0].cells].flatMap((cell) =>
      Array(cell.colSpan).fill(cell.rowSpan > 1 ? "" : `${plain(mainText(cell))}: `)) : [];
  return headsOf(table).map((head, column) => `${groups[column] ?? ""}${plain(head.textContent)}`);
}

function linesToSave(state) {
  const [found, leftOut] = linesOf(state);
  const left = leftOut.length && state.adds ? [lineOn(leftOut, state, "Left out by the search")] : [];
  return [...found, ...left, ...state.others];
}

function save(name, type, parts) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

function download(state) {
  const { table } = state;
  const columns = headTexts(table).map((text, column) => [text, column])
    .filter(([, column]) => !headsOf(table)[column].matches(".unsorted"));
  const lines = [columns.map(([text]) => textField(text)),
    ...linesToSave(state).map((line) => columns.map(([, column]) => field(line.cells[column])))];
  // Without the mark at the beginning, Excel does not take it for UTF-8.
  save(`${table.dataset.table}.csv`, "text/csv", ["\ufeff", ...lines.map((line) => `${line.join(",")}\r\n`)]);
}

// What stands below a table: what a reader can do with it.
const toolsOf = new Map();
function withTools(state) {
  const { table } = state;
  const tools = document.createElement("div");
  tools.className = "tools";
  tools.append(madeButton("csv", "CSV", () => download(state), `Download as CSV: ${table.caption.textContent}`));
  (table.closest(".scroll") ?? table).after(tools);
  toolsOf.set(table, tools);
}

for (const state of arranged.values()) if (!state.isGrouped) withTools(state);
