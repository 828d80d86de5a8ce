// Signs in with passkeys, and adds them. Without it, or in a browser that has none, the password works as ever.
"use strict";

// What went wrong, in words for people.
class Refusal extends Error {}

async function send(path, body) {
  const token = document.querySelector('[name="csrf_token"]').value;
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Refusal("We couldn't reach the server. Check your connection and try again.");
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (answer.location) {
    location.assign(answer.location);
    throw new DOMException("the page is being left", "AbortError");
  }
  throw new Refusal(Object.values(answer.errors ?? {}).flat().join(" ") || answer.detail);
}

function explain(error) {
  if (error instanceof Refusal) return error.message;
  switch (error.name) {
    case "AbortError": // replaced by another request
    case "NotAllowedError": // canceled, or nothing to choose from
      return "";
    case "InvalidStateError":
      return "This device or password manager already has a passkey for your account.";
    default:
      return "Something went wrong. Try again.";
  }
}

// The request to the browser that is under way: it has one at a time.
let underWay = new AbortController();

function begin() {
  underWay.abort();
  underWay = new AbortController();
  return underWay.signal;
}

async function add(box) {
  const signal = begin();
  const { challenge, options } = await send(box.dataset.options, {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey, signal });
  await send(box.dataset.action, { challenge, credential: credential.toJSON() });
  location.assign(box.dataset.next);
}

async function use(box) {
  const signal = begin();
  const { challenge, options } = await send(box.dataset.options, {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  await finish(box, challenge, await navigator.credentials.get({ publicKey, signal }));
}

async function finish(box, challenge, credential) {
  const { next, remember } = box.closest("form").elements;
  const body = { challenge, credential: credential.toJSON(), next: next.value };
  if (remember) body.remember = remember.checked;
  location.assign((await send(box.dataset.action, body)).location);
}

// Lets the browser offer passkeys where it offers passwords, until the box's button is used.
async function autofill(box) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  const signal = begin();
  const { challenge, options } = await send(box.dataset.options, {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  // The challenge ends before people who left the page open come back: have a new one by then.
  setTimeout(() => signal.aborted || whenSeen(() => offer(box)), 900 * box.dataset.autofillSeconds);
  const credential = await navigator.credentials.get({ publicKey, signal, mediation: "conditional" });
  await tell(box, finish(box, challenge, credential));
}

function offer(box) {
  autofill(box).catch(() => {}); // nobody asked for it
}

function whenSeen(action) {
  if (!document.hidden) action();
  else document.addEventListener("visibilitychange", action, { once: true });
}

async function tell(box, work) {
  const alert = box.querySelector('[role="alert"]');
  alert.textContent = "";
  try {
    await work;
  } catch (error) {
    alert.textContent = explain(error);
    if (box.dataset.autofillSeconds && error.name !== "AbortError") offer(box);
  }
}

if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  for (const box of document.querySelectorAll(".passkey")) {
    const work = box.closest("form") ? use : add;
    box.querySelector("button").addEventListener("click", () => tell(box, work(box)));
    box.hidden = false;
    // Also when the page comes back by the Back button.
    if (box.dataset.autofillSeconds) window.addEventListener("pageshow", () => offer(box));
  }
  for (const note of document.querySelectorAll("[data-without-passkeys]")) note.hidden = true;
  // Password managers forget what was removed here, and show the name and address of today.
  for (const { dataset } of document.querySelectorAll("[data-signals]")) {
    const { rpId, userId, allAcceptedCredentialIds, name, displayName } = JSON.parse(dataset.signals);
    const signals = [PublicKeyCredential.signalCurrentUserDetails?.({ rpId, userId, name, displayName })];
    if (allAcceptedCredentialIds) {
      signals.push(PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds }));
    }
    Promise.allSettled(signals);
  }
}
