/* What the reader has chosen: in the filter, and in the address. */

const ANY = -1; // everybody

// What the filter selects.
let wanted = "counted";
function chosen() {
  const who = element("who").value;
  const measure = element("measure");
  measure.disabled = data.never_counted.includes(who);
  measure.value = measure.disabled ? "requests" : wanted;
  return {
    dataset: data.datasets.indexOf(element("dataset").value),
    who: classes.indexOf(who), measure: measure.value, noun: data.nouns[measure.value],
    compare: element("compare").value,
    names: new Map(picked), ...chosenDays(),
  };
}

// The periods that hold the chosen days, and what there is to say about these.
function chosenDays() {
  const { periods, before } = data;
  const [from, to] = [element("from"), element("to")];
  const within = ({ value, min, max }, otherwise) =>
    !value ? otherwise : value < min ? min : value > max ? max : value;
  const asked = [within(from, from.min), within(to, to.max)];
  const [start, end] = [...asked].sort();
  const first = Math.max(before, periods.findIndex((period) => period[1] > start));
  const last = periods.findLastIndex((period) => period[0] <= end);
  const shown = [periods[first][0], shifted(periods[last][1], -1)];
  const notes = [];
  if (asked[0] > asked[1]) notes.push(texts.swapped);
  if (asked[0] !== from.value || asked[1] !== to.value) notes.push(texts.outside);
  if (shown[0] !== start || shown[1] !== end) notes.push(filled(texts.whole, data));
  const areAll = first === before && last === periods.length - 1;
  return { first, last, span: days(...shown), notes, areAll };
}

// The address says what is chosen, so a link shows what its sender saw. That of a
// section, which has no "=", leaves the choice as it is.
const filter = element("filter");
const fields = [...filter.querySelectorAll("select, input")].filter((field) => field !== named);
const usual = (field) => field.defaultValue ?? field.options[0].value;
function toAddress() {
  const said = new URLSearchParams();
  for (const field of fields) {
    const value = field.id === "measure" ? wanted : field.value;
    if (value !== usual(field)) said.set(field.id, value);
  }
  picksToAddress(said);
  history.pushState(null, "", `#${said}`);
}
function fromAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const field of fields) {
    field.value = said.get(field.id) ?? usual(field);
    if (field.selectedIndex === -1) field.value = usual(field);
  }
  picksFromAddress(said);
  wanted = element("measure").value;
}
const isChoice = () => location.hash.length < 2 || location.hash.includes("=");
window.addEventListener("popstate", () => {
  if (!isChoice()) return;
  fromAddress();
  show();
});

filter.hidden = false;
filter.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("change", () => {
  if (!element("measure").disabled) wanted = element("measure").value;
  toAddress();
  show();
});
filter.addEventListener("reset", () => {
  wanted = "counted";
  picked.clear();
  missing = [];
  setTimeout(() => {
    toAddress();
    show();
  });
});
