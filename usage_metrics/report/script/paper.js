/* Paper: a summary of one page, as summary.css has it, or everything, with all tables. */

function printAll() {
  document.documentElement.dataset.print = "all";
  window.print();
}
element("paper").hidden = false;
element("paper").lastChild.addEventListener("click", printAll);

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = all("details:not([open])");
  for (const box of opened) box.open = true;
});
window.addEventListener("afterprint", () => {
  for (const box of opened) box.open = false;
  delete document.documentElement.dataset.print;
});
