// A list of invoices: where one was when one comes back, and counts that stay true while it is looked at.

const LISTED = "#invoices";
const EVERY = 60_000;
const list = () => document.querySelector(LISTED);
const byId = (id) => document.getElementById(id);

// Back from a record: the address brings the page and the filters, this the place on it. Ticked rows are kept by bulk.js.

const key = () => `place ${location.pathname}${location.search}`;

function remember() {
  if (!list()) return;
  const row = document.activeElement?.closest("[data-invoice]")?.dataset.invoice ?? "";
  sessionStorage.setItem(key(), JSON.stringify({ top: Math.round(scrollY), row }));
}

function recall() {
  const kept = sessionStorage.getItem(key());
  if (!kept || !list()) return;
  const { top, row } = JSON.parse(kept);
  scrollTo({ top, behavior: "instant" });
  document.querySelector(`[data-invoice="${CSS.escape(row)}"] [data-row-key="o"]`)?.focus({ preventScroll: true });
}

addEventListener("pagehide", remember);
const came = performance.getEntriesByType("navigation")[0]?.type;
if (came === "back_forward" || came === "reload") recall();
addEventListener("pageshow", (event) => { if (event.persisted) recall(); });

// Counts and totals, while somebody looks. What is open or has the focus is left alone.

const PARTS = ["list-totals", "list-number"];

async function refresh() {
  const shown = list();
  if (!shown || document.visibilityState !== "visible" || !navigator.onLine || shown.hasAttribute("aria-busy")) return;
  const address = shown.dataset.counts;
  let answer;
  try {
    answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Target": "list-counts" }, redirect: "error" });
  } catch {
    return; // the next look, or the next click, will say what is wrong
  }
  if (!answer.ok || list()?.dataset.counts !== address) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = byId("list-number")?.textContent.trim();
  for (const tally of fresh.querySelectorAll(".tabs a[id] .tally")) {
    const mine = document.querySelector(`#${CSS.escape(tally.closest("a").id)} .tally`);
    if (mine && mine.textContent !== tally.textContent) mine.replaceWith(tally);
  }
  for (const id of PARTS) {
    const [mine, theirs] = [byId(id), fresh.getElementById(id)];
    if (mine && theirs && mine.innerHTML !== theirs.innerHTML && !mine.contains(document.activeElement)) mine.replaceWith(theirs);
  }
  const now = byId("list-number")?.textContent.replace(/\s+/g, " ").trim();
  if (before !== undefined && before.replace(/\s+/g, " ") !== now) byId("said").textContent = `${shown.dataset.refreshed} ${now}`;
}

setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
