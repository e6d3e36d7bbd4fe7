// What the pages do beyond plain links and forms: show every failed request, keep focus and announce what changed, close
// menus. Keys: keys.js. Everything works without this file, only slower.

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
root.classList.add("js");

const words = byId("words")?.dataset ?? {};

// Toasts. An error stays until it is dismissed. `link`: {href, text}, opened beside this page, which keeps its form.

export function toast(text, kind = "info", link = null) {
  for (const same of byId("toasts").children) if (same.firstChild.textContent === text) same.remove(); // said once
  const item = document.createElement("div");
  item.className = `toast ${kind}`;
  if (kind === "error") item.setAttribute("role", "alert");
  const said = document.createElement("p");
  said.className = "break";
  said.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet small";
  close.textContent = words.dismiss;
  close.addEventListener("click", () => item.remove());
  item.append(said, close);
  if (link) {
    const way = document.createElement("a");
    Object.assign(way, { href: link.href, textContent: link.text, className: "link", target: "_blank", rel: "noopener" });
    const line = document.createElement("p");
    line.append(way);
    said.after(line);
  }
  byId("toasts").append(item);
  if (kind !== "error") setTimeout(() => item.remove(), 8000);
}

document.addEventListener("desk:toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind));

// Requests that fail. The page keeps what it has: forms stay as they were filled in.

function reason(answer) {
  const type = answer.getResponseHeader?.("Content-Type") ?? "";
  const said = type.startsWith("text/plain") ? answer.responseText.trim() : "";
  const id = answer.getResponseHeader?.("X-Request-ID");
  const quote = answer.status >= 500 && id ? ` ${words.quote} ${id}.` : "";
  if (said && said.length < 600) return said + quote;
  return (words[`s${answer.status}`] ?? (answer.status >= 500 ? words.broken : words.refused)) + quote;
}

document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  const href = xhr.getResponseHeader("X-Sign-In");
  if (xhr.status === 401 && href) toast(words.signedOut, "error", { href, text: words.signIn });
  else toast(reason(xhr), "error");
});
document.addEventListener("htmx:timeout", () => toast(words.timeout, "error"));
document.addEventListener("htmx:sendError", () => toast(navigator.onLine ? words.unreachable : words.offline, "error"));
document.addEventListener("htmx:swapError", () => toast(words.swap, "error"));
window.addEventListener("offline", () => toast(words.offline, "error"));
window.addEventListener("online", () => {
  for (const each of byId("toasts").children) if (each.firstChild.textContent === words.offline) each.remove();
  toast(words.online, "success");
});
document.addEventListener("submit", (event) => {
  if (navigator.onLine || event.defaultPrevented) return;
  event.preventDefault(); // the browser would leave the page, and the form with it
  toast(words.offline, "error");
});

// Signing in again, beside this page, changes the forms' token: they take the new one when one comes back.

const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
let known = token();
window.addEventListener("focus", () => {
  const now = token();
  if (!now || now === known) return;
  known = now;
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = now;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": now }));
});

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
  if (event.defaultPrevented || !form.closest(".theme") || !event.submitter) return;
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
