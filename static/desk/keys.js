// Keys. A page only marks what a key presses, and this file presses it, outside fields alone:
//   data-key="e"        this element; a sequence is data-key="g r". A field gets the focus, everything else a click.
//   data-row-key="p"    the same inside the row one is on ([data-invoice] or [data-row]); "o" is its main link, "x" its box.
//   data-main           the form that Ctrl+Enter sends where the focus is in no other.
//   data-key="Escape"   what Esc presses when no menu or dialog is open.
//   data-key-name       how the list of keys (?) names it, where its own text does not say enough.
// Single keys can be switched off (body[data-keys=off]) and changed (body[data-key-map]: the key as shipped, one's own).

const ROW = "[data-invoice], [data-row]";
const PAUSE = 1200;
const own = JSON.parse(document.body.dataset.keyMap || "{}");
const shipped = Object.fromEntries(Object.entries(own).map(([key, mine]) => [mine, key]));
const byId = (id) => document.getElementById(id);
const seen = (element) => (element.checkVisibility ? element.checkVisibility() : element.getClientRects().length > 0);
const say = (text, kind) => document.dispatchEvent(new CustomEvent("desk:toast", { detail: { text, kind } }));
const typing = (element) =>
  element.closest?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]");
const scope = () => document.querySelector("dialog[open]") ?? document;

/** The key as shipped for what was pressed; nothing where that key was given away. */
const meant = (pressed) => shipped[pressed] ?? (own[pressed] ? "" : pressed);

// Rows

let last = null; // the row one was on, for as long as it is there
let anchor = null; // where a range begins
const rows = () => [...scope().querySelectorAll(ROW)].filter(seen);
const current = () => document.activeElement?.closest(ROW) ?? (last?.isConnected ? last : null);
const inRow = (row, key) => [...row.querySelectorAll(`[data-row-key="${CSS.escape(key)}"]`)].find((each) => !each.disabled);
const opener = (row) => inRow(row, "o") ?? row.querySelector("th a, a, button");
const box = (row) => inRow(row, "x") ?? row.querySelector("input[type=checkbox]:not(:disabled)");

function move(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(current());
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
  last = next;
  opener(next)?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  next.dispatchEvent(new CustomEvent("desk:row", { bubbles: true }));
  return true;
}

function pick() {
  const row = current();
  const mark = row && box(row);
  if (!mark) return false;
  mark.click();
  anchor = row;
  return true;
}

function pickRange() {
  const all = rows();
  const [to, from] = [all.indexOf(current()), all.indexOf(anchor)];
  if (to < 0 || from < 0) return pick();
  const wanted = box(anchor).checked;
  for (const row of all.slice(Math.min(from, to), Math.max(from, to) + 1)) {
    const mark = box(row);
    if (mark && mark.checked !== wanted) mark.click();
  }
  return true;
}

document.addEventListener("click", (event) => {
  const row = event.target.closest?.(ROW);
  if (row && event.target.matches("input[type=checkbox]")) anchor = row;
});
document.addEventListener("focusin", (event) => { last = event.target.closest?.(ROW) ?? last; });

// What a key presses

function press(element) {
  if (element.getAttribute("aria-disabled") === "true") {
    const why = byId(element.getAttribute("aria-describedby"))?.textContent || element.title;
    if (why) say(why.trim(), "warning");
  } else if (typing(element)) {
    element.focus();
    element.select?.();
  } else {
    if (seen(element)) element.focus({ preventScroll: true });
    element.click();
  }
  return true;
}

function marked(key) {
  const found = [...scope().querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter((each) => !each.disabled);
  return found.find(seen) ?? found.find((each) => each.matches("a[href]")); // a link in a closed menu still leads there
}

const FIXED = {
  "/": () => byId("search") && press(byId("search")),
  "?": () => openKeys(),
  j: () => move(1),
  k: () => move(-1),
  o: () => current() && press(opener(current())),
  x: pick,
  X: pickRange,
};

function act(key) {
  const row = current();
  const inside = row && scope().contains(row) && inRow(row, key);
  if (inside) return key === "x" ? pick() : press(inside);
  const element = marked(key);
  if (element) return press(element);
  return scope() === document && FIXED[key] ? FIXED[key]() : false;
}

/** Whether a longer key begins with what was pressed so far. */
function begins(pressed) {
  const all = [...scope().querySelectorAll("[data-key]")].map((each) => each.dataset.key);
  return all.some((key) => (own[key] ?? key).startsWith(`${pressed} `));
}

let held = "";
let timer = 0;

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape") return leave(event);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return sendForm(event);
  const command = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (command || event.key.length !== 1 || event.key === " " || typing(event.target)) return;
  if (document.body.dataset.keys === "off") return;
  clearTimeout(timer);
  const pressed = held ? `${held} ${event.key}` : event.key;
  held = "";
  if (begins(pressed)) {
    held = pressed;
    timer = setTimeout(() => { held = ""; act(meant(pressed)); }, PAUSE);
    event.preventDefault();
  } else if (act(meant(pressed))) {
    event.preventDefault();
  }
});

// Ctrl+Enter sends the form one is in, else the page's main one; its own rules still hold.

function sendForm(event) {
  const inside = document.activeElement?.closest("form[method=post], form[hx-post]");
  const form = inside ?? scope().querySelector("form[data-main]");
  const button = form?.querySelector("[data-main-button]") ?? form?.querySelector("button:not([type]), button[type=submit]");
  if (!form || button?.disabled) return;
  event.preventDefault();
  form.requestSubmit(button);
}

// Esc closes the innermost thing and gives the focus back.

function leave(event) {
  if (document.querySelector("dialog[open]")) return; // the browser closes it
  const menus = [...document.querySelectorAll("details.menu[open], details.drawer[open]")];
  for (const menu of menus) {
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  }
  if (menus.length) return;
  if (event.target.id === "search") {
    if (event.target.value) return; // the first Esc empties it
    if (!move(1)) event.target.blur();
  } else if (!typing(event.target)) {
    const element = marked("Escape");
    if (element) press(element);
  }
}

// In an open menu the arrows walk its entries.

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const menu = step && event.target.closest?.("details.menu[open]");
  if (!menu || event.defaultPrevented || typing(event.target) || event.target.matches("input")) return;
  const entries = [...menu.querySelectorAll("a[href], button")].filter((each) => seen(each) && !each.disabled);
  if (!entries.length) return;
  const at = entries.indexOf(document.activeElement);
  entries[(at + step + entries.length) % entries.length]?.focus();
  event.preventDefault();
});

// The list of keys shows those that do something on this page.

const list = byId("keys");

async function openKeys() {
  if (!list || list.open) return false;
  const room = list.querySelector("[data-keys-from]");
  if (room) {
    try {
      const answer = await fetch(room.dataset.keysFrom, { headers: { "HX-Request": "true", "HX-Target": "keys-list" } });
      if (!answer.ok) throw new Error(answer.status);
      room.innerHTML = await answer.text();
      delete room.dataset.keysFrom;
    } catch {
      say(room.dataset.failed, "error");
      return true;
    }
  }
  sortOut();
  list.showModal();
  return true;
}

function sortOut() {
  const known = new Set();
  for (const entry of list.querySelectorAll("[data-shows-key]")) {
    const key = entry.dataset.showsKey;
    known.add(key);
    const rowKey = document.querySelector(`[data-row-key="${CSS.escape(key)}"]`);
    const walks = "jkoxX".includes(key) && rows().length && (key.toLowerCase() !== "x" || rows().some(box));
    entry.hidden = !(entry.dataset.always !== undefined || walks || rowKey || marked(key) || (key === "Ctrl+Enter" && document.querySelector("form[data-main]")));
  }
  for (const group of list.querySelectorAll("[data-keys-group]")) group.hidden = !group.querySelector("[data-shows-key]:not([hidden])");
  const others = list.querySelector("[data-keys-others]");
  if (!others) return;
  others.querySelectorAll("[data-added]").forEach((each) => each.remove());
  for (const element of document.querySelectorAll("[data-key], [data-row-key]")) {
    const key = element.dataset.key ?? element.dataset.rowKey;
    if (known.has(key) || key === "Escape") continue;
    known.add(key);
    const entry = document.createElement("div");
    entry.dataset.added = "";
    const [term, words, sign] = ["dt", "dd", "kbd"].map((name) => document.createElement(name));
    sign.textContent = own[key] ?? key;
    words.textContent = (element.dataset.keyName || element.getAttribute("aria-label") || element.textContent).replace(/\s+/g, " ").trim();
    term.append(sign);
    entry.append(term, words);
    others.querySelector("dl").append(entry);
    others.hidden = false;
  }
}

const onOff = byId("keys-on");
onOff?.addEventListener("change", async () => {
  const was = document.body.dataset.keys;
  document.body.dataset.keys = onOff.checked ? "on" : "off";
  const form = new FormData(onOff.form);
  try {
    const answer = await fetch(onOff.form.action, { method: "POST", body: form, redirect: "manual" });
    if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(answer.status);
  } catch {
    document.body.dataset.keys = was;
    onOff.checked = was !== "off";
    say(onOff.form.dataset.failed, "error");
  }
});

for (const each of document.querySelectorAll("[data-opens=keys]")) {
  each.addEventListener("click", (event) => {
    event.preventDefault();
    each.closest("details")?.removeAttribute("open");
    openKeys();
  });
}
