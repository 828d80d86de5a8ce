// Adds a button to everything that is there to be copied. Without it, one selects and copies.
"use strict";

for (const place of document.querySelectorAll(".copyable")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet button-small";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const code = place.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Not allowed: copy the selection";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  place.append(button);
}
