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
  const status = document.createElement("span");
  status.className = "small";
  status.setAttribute("role", "status");
  box.append(madeButton("copy", "Copy", () => copyQuery(box)), " ", status);
}

for (const box of document.querySelectorAll(".query")) withCopy(box);
