/* Charts as pictures that can stand alone: with title, what is shown, legend and source,
   in light colours, as SVG and PNG. */

const MARGIN = 28;
const SCALE = 2; // of PNG, for fine screens and print
// What XML cannot hold.
const NOT_IN_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu;

// The first rule of the style sheet has the light colours.
const light = (name) => document.styleSheets[0].cssRules[0].style.getPropertyValue(`--${name}`).trim();
const inLight = (text) => text.replaceAll(/var\(--([\w-]+)\)/g, (_, name) => light(name));

function shape(name, attributes, ...inside) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

function parsedSvg(text) {
  const clean = inLight(text).replaceAll(NOT_IN_XML, "\ufffd");
  return new DOMParser().parseFromString(clean, "image/svg+xml").documentElement;
}

// As many words in a line as fit.
function wrapped(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length > most && lines.at(-1)) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines;
}

// Text and drawings are put below each other.
function pile(width) {
  const sheet = shape("g", {});
  let y = MARGIN;
  const text = (content, size, colour, more = {}) => {
    for (const line of wrapped(content, Math.floor((1.9 * width) / size))) {
      y += 1.35 * size;
      sheet.append(shape("text", { x: MARGIN, y, "font-size": size, fill: light(colour), ...more }, line));
    }
  };
  const legend = (entries) => {
    if (entries.length) y += 24;
    let x = MARGIN;
    for (const { name, colour, isLine } of entries) {
      const wide = 32 + 7 * name.length;
      if (x > MARGIN && x + wide > width) { x = MARGIN; y += 20; }
      const box = isLine ? { x: x - 3, y: y - 5, width: 16, height: 2 } : { x, y: y - 9, width: 10, height: 10 };
      sheet.append(shape("rect", { ...box, fill: light(colour) }),
        shape("text", { x: x + 16, y, "font-size": 12, fill: light("soft") }, name));
      x += wide;
    }
  };
  const drawing = (drawn, height) => {
    sheet.append(shape("g", { transform: `translate(${MARGIN} ${y + 14})` }, drawn));
    y += 14 + height;
  };
  return { sheet, text, legend, drawing, height: () => y + MARGIN };
}

// The foot of a picture says which page it is of.
function standAlone({ title, said, legend, drawn, width, height }) {
  const wide = width + 2 * MARGIN;
  const made = pile(width);
  made.text(title, 19, "strong", { "font-weight": 650 });
  for (const sentence of said) made.text(sentence, 13, "soft");
  made.legend(legend);
  made.drawing(drawn, height);
  const source = ["h1", ".span", ".top .small"].map((part) => document.querySelector(part).textContent);
  made.text(source.join(" · "), 11, "soft");
  const high = Math.ceil(made.height());
  const background = shape("rect", { width: wide, height: high, fill: "#ffffff" });
  const svg = shape("svg", {
    width: wide, height: high, viewBox: `0 0 ${wide} ${high}`,
    "font-family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  }, shape("title", {}, title), background, made.sheet);
  return { text: new XMLSerializer().serializeToString(svg), width: wide, height: high };
}

function asAddress(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
}

async function asPng({ text, width, height }) {
  const image = new Image();
  image.src = await asAddress(new Blob([text], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [SCALE * width, SCALE * height];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}

const PICTURES = {
  PNG: async (name, made) => save(`${name}.png`, "image/png", [await asPng(made)]),
  SVG: (name, made) => save(`${name}.svg`, "image/svg+xml", [made.text]),
};

// Buttons that save what a function makes.
function pictureButtons(name, title, make) {
  const buttons = document.createElement("div");
  buttons.className = "pictures";
  for (const [kind, write] of Object.entries(PICTURES)) {
    const press = async () => write(name, await make());
    buttons.append(madeButton("csv", kind, press, `Download as ${kind}: ${title}`));
  }
  return buttons;
}
