// What makes the forms more comfortable. All of them work without it.
"use strict";

// A form is sent once, however often the button is pressed.
function release(form) {
  delete form.dataset.sent;
  form.querySelector('[type="submit"]')?.removeAttribute("aria-disabled");
}
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    form.querySelector('[type="submit"]')?.setAttribute("aria-disabled", "true");
    // The page may stay: loading was stopped, or the response is a file.
    setTimeout(() => release(form), 5000);
  });
}
// A page that comes back by the Back button can be sent again.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));

// A code that was refused is replaced by the next one.
document.querySelector('[name="code"][aria-invalid]')?.select();

// A password can be shown while it is typed.
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement("button");
  const label = input.labels[0].textContent.toLowerCase();
  button.type = "button";
  button.className = "button button-quiet";
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} ${label}`);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  // Sent as a password: browsers keep what was typed into text fields.
  input.form.addEventListener("submit", () => show(false));
  show(false);
  input.after(button);
}

// How a new password does. A rough estimate: the server looks closer when the form is sent.
function estimate(password, minimum, ownWords) {
  const characters = [...password];
  const missing = minimum - characters.length;
  if (missing > 0) {
    return [1, missing === 1 ? "One more character is needed." : `${missing} more characters are needed.`];
  }
  // A character tells nothing new when it repeats, or follows, the one before.
  const telling = characters.filter((character, index) => {
    const step = index ? character.codePointAt(0) - characters[index - 1].codePointAt(0) : 2;
    return Math.abs(step) > 1;
  });
  const lower = password.toLowerCase();
  const common = /pass ?word|qwert|asdf|1234|letmein|welcome|admin|iloveyou/;
  const guessable =
    new Set(telling).size < 7 ||
    telling.length < minimum * 0.7 ||
    (common.test(lower) && characters.length < 20) ||
    ownWords.some((word) => word.length > 3 && lower.includes(word) && lower.length < word.length + 10);
  if (guessable) return [1, "Easy to guess. Try a few unrelated words in a row."];
  if (characters.length < minimum + 4) return [2, "Long enough. One more word makes it strong."];
  return [3, "Looks strong."];
}

for (const box of document.querySelectorAll(".new-password")) {
  const input = box.querySelector("input");
  const meter = document.createElement("p");
  meter.className = "strength";
  meter.setAttribute("aria-live", "polite");
  box.append(meter);
  input.addEventListener("input", () => {
    box.querySelector(".field-error")?.replaceChildren(); // it spoke of what was sent before
    input.removeAttribute("aria-invalid");
    const others = [...input.form.querySelectorAll('[name="name"], [name="email"], [name="username"]')];
    const ownWords = others.flatMap((other) => other.value.toLowerCase().split(/[\s@]+/));
    const [level, text] = estimate(input.value, Number(box.dataset.minLength), ownWords);
    meter.dataset.level = input.value ? level : 0;
    meter.textContent = input.value ? text : "";
  });
}

// What is there to be kept on paper can be printed by a button.
for (const place of document.querySelectorAll(".printable")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet button-small";
  button.textContent = "Print";
  button.addEventListener("click", () => window.print());
  place.append(button);
}
