/* Each table as a file for a spreadsheet, as it is shown: with what the filter selects. */

// What a spreadsheet would compute is a text, as in spreadsheet.py.
const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20](?=.)/u;
const NUMBER = /^[\d,]+(\.\d+)?$/;

function field(cell) {
  const text = cell.textContent.replaceAll(/\s+/g, " ").trim();
  const value = NUMBER.test(text) && cell.tagName === "TD" ? text.replaceAll(",", "") : text;
  return `"${value.replace(FORMULA, "'$&").replaceAll('"', '""')}"`;
}

function download(table) {
  const lines = [...table.rows].map((row) => `${[...row.cells].map(field).join(",")}\r\n`);
  const link = document.createElement("a");
  // Without the mark at the beginning, Excel does not take it for UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", ...lines], { type: "text/csv" }));
  link.download = `${table.dataset.table}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

for (const table of document.querySelectorAll("table[data-table]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "csv";
  button.textContent = "CSV";
  button.setAttribute("aria-label", `Download as CSV: ${table.caption.textContent}`);
  button.addEventListener("click", () => download(table));
  (table.closest(".scroll") ?? table).after(button);
}
