/* What is chosen by a click on a name, a class or a bar, and the chips that say so. */

const picked = new Map(); // the numbers of the chosen names, by ranking
let missing = []; // the names of a link that this report does not have
const LONGEST = 60; // characters that are said of such a name: anybody may make a link

// The ranking and number of each name that may be chosen, by the name itself.
const pickOf = new Map();
if (canPick) {
  for (const [ranking, { names, word }] of Object.entries(data.facts)) {
    names.forEach((name, index) => {
      if (word && !isRest({ name })) pickOf.set(name, { ranking, index });
    });
  }
}

// The rankings by the words of the address; datasets are a field of the filter.
const rankingOf = new Map(Object.entries(data.facts).map(([ranking, { word }]) => [word, ranking]));
rankingOf.delete("dataset");
rankingOf.delete(""); // these cannot be chosen

const wholeName = (name) => name.filter(Boolean).join(" · ");

// As short as it can be while it means one name only.
function nameOf(ranking, index) {
  const { names } = data.facts[ranking];
  const isAlone = names.filter(([text]) => text === names[index][0]).length === 1;
  return isAlone ? names[index][0] : wholeName(names[index]);
}

const isPicked = ({ ranking, index }) => (ranking === "datasets"
  ? element("dataset").value === data.facts.datasets.names[index][1]
  : picked.get(ranking)?.has(index) ?? false);

function setField(id, value) {
  element(id).value = element(id).value === value ? usual(element(id)) : value;
}

// What is chosen already is chosen no longer.
function pick({ ranking, index }) {
  if (ranking === "datasets") {
    setField("dataset", data.facts.datasets.names[index][1]);
    return;
  }
  const some = new Set(picked.get(ranking));
  if (!some.delete(index)) some.add(index);
  picked.delete(ranking);
  if (some.size) picked.set(ranking, some);
}

function pickDays(start, stop) {
  const [from, to] = [element("from"), element("to")];
  const first = start < from.min ? from.min : start;
  const last = shifted(stop, -1) > to.max ? to.max : shifted(stop, -1);
  const isChosen = from.value === first && to.value === last;
  [from.value, to.value] = isChosen ? [usual(from), usual(to)] : [first, last];
}

function picksToAddress(said) {
  for (const [ranking, some] of picked) {
    for (const index of some) said.append(data.facts[ranking].word, nameOf(ranking, index));
  }
}

function picksFromAddress(said) {
  picked.clear();
  missing = [];
  for (const [word, text] of said) {
    const ranking = rankingOf.get(word);
    if (!ranking) continue;
    const index = data.facts[ranking].names.findIndex((name, at) =>
      pickOf.has(name) && [nameOf(ranking, at), wholeName(name)].includes(text));
    const shown = text.replaceAll(/[\p{C}\p{Z}]+/gu, " ").slice(0, LONGEST);
    if (index === -1) missing.push(`${word} ${shown}`);
    else picked.set(ranking, new Set(picked.get(ranking)).add(index));
  }
}

const saidOf = (ranking, some) =>
  `${data.facts[ranking].columns[0]}: ${[...some].map((index) => nameOf(ranking, index)).join(" or ")}.`;

// What there is to say about the chosen names.
function notesOnNames(choice) {
  const notes = [...choice.names].map(([ranking, some]) => saidOf(ranking, some));
  if (missing.length) notes.push(filled(texts.not_here, { names: missing.join(", ") }));
  const share = choice.names.size ? shareWithoutNames(choice) : 0;
  if (share > 0) notes.push(filled(texts.without_names, { share: percent(Math.max(share, 0.001)), ...choice }));
  return notes;
}

// --- what is pressed ---

function button(text, pressed, press) {
  const made = madeButton("pick", text, () => {
    press();
    toAddress();
    show();
  });
  if (pressed !== null) made.setAttribute("aria-pressed", pressed);
  return made;
}

// A name of a ranking, to press.
function nameToPick(text, found) {
  const made = button(text, isPicked(found), () => pick(found));
  made.dataset.pick = `${found.ranking} ${found.index}`;
  return made;
}

const headsOfCards = new Map(all("[data-card]").map((card) => [card.dataset.card, card.querySelector("h3")]));
for (const [who, head] of headsOfCards) {
  head.replaceChildren(button(head.textContent, false, () => setField("who", who)));
}

// A mark of a chart: a name, a country, or days.
function pickMark({ start, stop, ranking, index, id, value }) {
  const country = data.facts.countries.names.findIndex((name) => name[1] === id);
  if (start !== undefined) pickDays(dayIn(start), dayIn(stop));
  else if (ranking !== undefined && canPick) pick({ ranking, index });
  else if (id !== undefined && value && country >= 0 && canPick) pick({ ranking: "countries", index: country });
  else return;
  toAddress();
  show();
}
const dayIn = (time) => new Date(time).toISOString().slice(0, 10);

// --- the chips ---

function chip(label, text, remove) {
  const made = button(`${label}: ${text}`, null, remove);
  made.classList.add("chip");
  made.setAttribute("aria-label", `Remove ${label}: ${text}`);
  return made;
}

// Another name of a ranking, besides those that are chosen.
function another(ranking, some) {
  const made = document.createElement("select");
  const { names, columns } = data.facts[ranking];
  made.setAttribute("aria-label", `${columns[0]}, or another`);
  made.append(new Option("or …", ""));
  names.forEach((name, index) => {
    if (pickOf.has(name) && !some.has(index)) made.append(new Option(nameOf(ranking, index), index));
  });
  made.addEventListener("change", (event) => {
    event.stopPropagation(); // it is not a field of the filter
    pick({ ranking, index: Number(made.value) });
    toAddress();
    show();
  });
  return made;
}

function showChips(choice) {
  const box = element("chips");
  const before = [...box.children].indexOf(document.activeElement);
  const chips = ["dataset", "who"].map(element).filter((field) => field.value !== usual(field))
    .map((field) => chip(field.labels[0].firstChild.textContent.trim(),
      field.selectedOptions[0].textContent.trim(), () => { field.value = usual(field); }));
  if (!choice.areAll) {
    chips.push(chip("Days", choice.span, () => {
      for (const field of [element("from"), element("to")]) field.value = usual(field);
    }));
  }
  for (const [ranking, some] of choice.names) {
    const { columns } = data.facts[ranking];
    chips.push(...[...some].map((index) =>
      chip(columns[0], nameOf(ranking, index), () => pick({ ranking, index }))));
    chips.push(another(ranking, some));
  }
  box.replaceChildren(...chips);
  box.hidden = chips.length === 0;
  if (before >= 0) (chips[Math.min(before, chips.length - 1)] ?? element("dataset")).focus();
  for (const [who, head] of headsOfCards) {
    head.firstChild.setAttribute("aria-pressed", element("who").value === who);
  }
}
