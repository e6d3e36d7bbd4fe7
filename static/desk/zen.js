// One review at a time: the next card is fetched while one reads this one, and shown as soon as the decision is kept.
// Without this file each decision is a form and a page.

const byId = (id) => document.getElementById(id);
const bar = byId("zen-bar");
const room = byId("zen");
const ahead = new Map(); // address → promise of a card
let busy = false;

const toast = (text, kind) => document.dispatchEvent(new CustomEvent("desk:toast", { detail: { text, kind } }));
const card = () => room.querySelector("[data-zen-card]");

function fetched(address) {
  if (!ahead.has(address)) {
    const asking = fetch(address, { headers: { "HX-Request": "true", "HX-Target": "zen" } }).then((answer) => {
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      return answer.text();
    });
    asking.catch(() => ahead.delete(address));
    ahead.set(address, asking);
  }
  return ahead.get(address);
}

function prefetch() {
  for (const address of [card()?.dataset.ahead, card()?.dataset.latter]) if (address) fetched(address).catch(() => {});
}

async function show(address) {
  let text;
  try {
    text = await fetched(address);
  } catch {
    location.assign(address); // the end, or a page that says why
    return;
  }
  ahead.delete(address);
  room.innerHTML = text;
  history.replaceState(null, "", address);
  for (const [id, name] of [["zen-former", "former"], ["zen-latter", "latter"]]) {
    const link = byId(id);
    if (link) { link.hidden = !card().dataset[name]; link.href = card().dataset[name] || "#"; }
  }
  window.scrollTo(0, 0);
  byId("zen-title").focus({ preventScroll: true });
  byId("said").textContent = card().dataset.said;
  room.dispatchEvent(new CustomEvent("zen:shown", { bubbles: true }));
  setTimeout(prefetch, 0);
}

function complain(form, { field, problem }) {
  const place = field === "reason" && form.querySelector("#reason-wrong");
  if (!place) return toast(problem, "error");
  place.textContent = problem;
  place.hidden = false;
  const reason = form.querySelector("#id_reason");
  reason.setAttribute("aria-invalid", "true");
  reason.setAttribute("aria-describedby", "reason-wrong");
  reason.focus();
}

async function send(form, button) {
  busy = true;
  room.setAttribute("aria-busy", "true");
  const body = new FormData(form, button);
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Zen": "1" } });
    const type = answer.headers.get("Content-Type") ?? "";
    if (!type.startsWith("application/json")) throw new Error(answer.status);
    const said = await answer.json();
    if (!answer.ok) {
      if (answer.status === 409) { toast(said.problem, "error"); ahead.clear(); await show(card().dataset.here); }
      else complain(form, said);
      return;
    }
    ahead.delete(card().dataset.here);
    byId("zen-progress").value = said.done;
    byId("zen-count").textContent = bar.dataset.of.replace("%1", said.done).replace("%2", said.all);
    const undo = byId("zen-undo");
    undo.hidden = !said.undo;
    undo.action = said.undo || location.href;
    if (card().dataset.ahead === said.next || said.next.match(/\/\d+\/$/)) await show(said.next);
    else location.assign(said.next);
  } catch {
    toast(bar.dataset.failed, "error");
  } finally {
    busy = false;
    room.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (event.defaultPrevented || !(form.matches("[data-zen]") || form.id === "zen-undo")) return;
  event.preventDefault();
  if (busy) return;
  const needsWhy = ["reject", "ask"].includes(button?.value);
  const reason = form.querySelector("#id_reason");
  if (needsWhy && reason && !reason.value.trim()) {
    for (const each of form.querySelectorAll("[data-main-button]")) delete each.dataset.mainButton;
    button.dataset.mainButton = "";
    reason.focus();
    byId("said").textContent = bar.dataset.why;
    return;
  }
  send(form, button);
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, details.menu, dialog")) {
    if (event.key === "Escape" && event.target.id === "id_reason") { event.target.blur(); event.preventDefault(); }
    return;
  }
  const address = { ArrowLeft: card()?.dataset.former, ArrowRight: card()?.dataset.latter }[event.key];
  if (!address || busy || document.body.dataset.keys === "off") return;
  event.preventDefault();
  show(address);
});

for (const [id, name] of [["zen-former", "former"], ["zen-latter", "latter"]]) {
  byId(id)?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!busy) show(card().dataset[name]);
  });
}

prefetch();
