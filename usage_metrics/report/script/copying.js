/* A query, to copy. */

async function copyQuery(box) {
  const text = box.querySelector("pre");
  const status = box.querySelector("[role=status]");
  try {
    await navigator.clipboard.writeText(text.textContent);
    status.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    status.textContent = "Selected: copy it with Ctrl+C";
  }
}

function withCopy(box) {
  const button = document.createElement("button");
  const status = document.createElement("span");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", () => copyQuery(box));
  status.className = "small";
  status.setAttribute("role", "status");
  box.append(button, " ", status);
}

for (const box of document.querySelectorAll(".query")) withCopy(box);
