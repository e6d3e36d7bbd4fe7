// What the pages do beyond plain links and forms: show every failed request, keep focus and announce what changed, close
// menus. Keys: keys.js. Everything works without this file, only slower.

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
root.classList.add("js");

// Toasts. An error stays until it is dismissed.

export function toast(text, kind = "info") {
  const item = document.createElement("div");
  item.className = `toast ${kind}`;
  if (kind === "error") item.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.className = "grow";
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet small";
  close.textContent = "Dismiss";
  close.addEventListener("click", () => item.remove());
  item.append(words, close);
  byId("toasts").append(item);
  if (kind !== "error") setTimeout(() => item.remove(), 8000);
}

document.addEventListener("desk:toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind));

// Requests that fail. The page keeps what it has: forms stay as they were filled in.

const REASONS = {
  403: "You may not do this, or the form has expired. Reload the page and try again.",
  404: "What this asks for is not here any more. Reload the page.",
  413: "This is too large to send.",
  429: "Too many requests just now. Wait a moment and try again.",
  503: "The desk is not ready. Try again in a moment.",
};

function reason(answer) {
  const type = answer.getResponseHeader?.("Content-Type") ?? "";
  const said = type.startsWith("text/plain") ? answer.responseText.trim() : "";
  if (said && said.length < 400) return said;
  if (REASONS[answer.status]) return REASONS[answer.status];
  const id = answer.getResponseHeader?.("X-Request-ID");
  return answer.status >= 500
    ? `Something went wrong here (${answer.status}). Nothing you entered is lost. Try again${id ? `, or quote ${id}` : ""}.`
    : `The desk did not accept this (${answer.status}). Reload the page and try again.`;
}

document.addEventListener("htmx:responseError", (event) => toast(reason(event.detail.xhr), "error"));
document.addEventListener("htmx:timeout", () => toast("No answer in time. What you see may be old; try again.", "error"));
document.addEventListener("htmx:sendError", () =>
  toast(navigator.onLine ? "The desk cannot be reached. Try again in a moment." : "You are offline. Nothing was sent.", "error"));
document.addEventListener("htmx:swapError", () => toast("The answer could not be shown. Reload the page.", "error"));

// Busy marks, open menus and focus over a swap.

const kept = { open: [], inside: false, focus: "" };

document.addEventListener("htmx:beforeRequest", (event) => event.detail.target?.setAttribute?.("aria-busy", "true"));
document.addEventListener("htmx:afterRequest", (event) => event.detail.target?.removeAttribute?.("aria-busy"));

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  kept.open = [...target.querySelectorAll("details[open][id]")].map((each) => each.id);
  kept.inside = target.contains(document.activeElement);
  kept.focus = kept.inside ? document.activeElement.id : "";
});

document.addEventListener("htmx:afterSwap", (event) => {
  for (const id of kept.open) byId(id)?.setAttribute("open", "");
  if (kept.focus && document.activeElement === document.body) byId(kept.focus)?.focus({ preventScroll: true });
  const swapped = event.target;
  const words = swapped.querySelector?.("[data-announce]");
  if (words) byId("said").textContent = words.textContent.replace(/\s+/g, " ").trim();
});

document.addEventListener("htmx:afterSettle", (event) => {
  // what had the focus is gone: go to the heading of what came, not back to the top of the page
  if (kept.inside && document.activeElement === document.body) {
    event.target.querySelector?.("[data-focus], h1, h2")?.focus({ preventScroll: true });
  }
  kept.inside = false;
});

document.addEventListener("htmx:pushedIntoHistory", () => {
  // the search box stands outside the list it filters
  const search = byId("search");
  if (search?.form?.id === "filters" && search !== document.activeElement) {
    search.value = new URLSearchParams(location.search).get("q") ?? "";
  }
});

// Menus close by a click outside; by Esc, see keys.js.

const openMenus = () => document.querySelectorAll("details.menu[open], details.drawer[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

// The theme changes at once; the cookie is set behind it.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.closest(".theme") || !event.submitter) return;
  event.preventDefault();
  const { value } = event.submitter;
  if (value === "system") delete root.dataset.theme;
  else root.dataset.theme = value;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.submitter));
  form.closest("details").open = false;
  form.closest("details").querySelector("summary").focus();
  const data = new FormData(form, event.submitter);
  fetch(form.action, { method: "POST", body: data, redirect: "manual" })
    .then((answer) => answer.type === "opaqueredirect" || answer.ok || toast(form.dataset.failed, "error"))
    .catch(() => toast(form.dataset.failed, "error"));
});
