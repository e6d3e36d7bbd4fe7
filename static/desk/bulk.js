// Ticked rows. Without this file the boxes of one page work as a plain form; with it a selection is kept over the pages of a
// list. It belongs to the list's filter: under another filter nothing is selected that one does not see. What matches, how
// much it comes to and what may be asked is always the server's word; it comes anew with every swap of the list.

const KEPT = "selected:";
const MOST_LISTS = 12;
const byId = (id) => document.getElementById(id);
const bar = () => byId("bulk");
const boxes = () => [...document.querySelectorAll('input[name="pk"][form="bulk"]')];
const key = () => KEPT + bar().dataset.list;
let last = null; // the box clicked before, where a range begins

function kept() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(key()) ?? "[]"));
  } catch {
    return new Set();
  }
}

function keep(selected) {
  try {
    sessionStorage.removeItem(key());
    if (selected.size) sessionStorage.setItem(key(), JSON.stringify([...selected]));
    const lists = Object.keys(sessionStorage).filter((name) => name.startsWith(KEPT));
    for (const name of lists.slice(0, Math.max(0, lists.length - MOST_LISTS))) if (name !== key()) sessionStorage.removeItem(name);
  } catch {
    // storage is full or refused: the page's own boxes still work
  }
}

const number = (count) => count.toLocaleString(document.documentElement.lang || "en");

/** Say and show what is selected: the bar, the boxes, the head's box; ask the server what it comes to. */
function show({ quietly = false } = {}) {
  const form = bar();
  if (!form?.dataset.list) return;
  const selected = kept();
  const here = boxes();
  const whole = byId("bulk-all")?.checked ?? false;
  for (const box of here) {
    box.checked = whole || selected.has(box.value);
    box.disabled = whole;
  }
  const ticked = here.filter((box) => selected.has(box.value)).length;
  const elsewhere = whole ? 0 : selected.size - ticked;
  const count = whole ? Number(form.dataset.total) : selected.size;
  form.elements.others.value = whole ? "" : [...selected].filter((pk) => !here.some((box) => box.value === pk)).join(",");
  form.classList.toggle("some", count > 0);
  document.documentElement.classList.toggle("selecting", count > 0);
  const { one, many, elsewhere: others } = form.dataset;
  const words = whole ? form.querySelector(".whole").textContent.trim() : count === 1 ? one : many.replace("#", number(count));
  const said = elsewhere ? `${words}, ${others.replace("#", number(elsewhere))}` : words;
  byId("bulk-said").firstElementChild.textContent = said;
  const head = byId("pick-page");
  if (head) {
    head.checked = here.length > 0 && here.every((box) => box.checked);
    head.indeterminate = !head.checked && here.some((box) => box.checked);
    head.disabled = whole;
  }
  if (count) byId("bulk-sums").dispatchEvent(new CustomEvent("desk:selected"));
  else byId("bulk-sums").textContent = "";
  if (!quietly && byId("said")) byId("said").textContent = count ? said : form.dataset.none;
}

function change(pairs) {
  const selected = kept();
  for (const [pk, on] of pairs) on ? selected.add(pk) : selected.delete(pk);
  keep(selected);
  show();
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (box.matches?.('input[name="pk"][form="bulk"]')) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)];
    if (event.shiftKey && from >= 0) {
      const range = all.slice(Math.min(from, to), Math.max(from, to) + 1);
      change(range.map((each) => [each.value, box.checked]));
    } else {
      change([[box.value, box.checked]]);
    }
    last = box;
  } else if (box.closest?.("#bulk-clear")) {
    clear();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.id === "pick-page") change(boxes().map((box) => [box.value, event.target.checked]));
  if (event.target.id === "bulk-all") show();
});

function clear() {
  const whole = byId("bulk-all");
  if (whole) whole.checked = false;
  keep(new Set());
  show();
  byId("pick-page")?.focus({ preventScroll: true });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id !== "bulk" || form.classList.contains("some")) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("desk:toast", { detail: { text: form.dataset.none, kind: "warning" } }));
});

// A swap brings another page, another filter or newer rows: the selection is shown as it stands for what is there now.
document.addEventListener("htmx:afterSettle", (event) => { if (event.target.querySelector?.("#bulk") || event.target.id === "bulk") show({ quietly: true }); });
window.addEventListener("pageshow", () => show({ quietly: true })); // also when the browser brings a page back from memory
show({ quietly: true });
