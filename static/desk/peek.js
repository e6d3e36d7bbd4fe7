// The panel beside the list. Without this file its links lead to the invoice's page.

const panel = document.getElementById("peek");
const said = document.getElementById("said");
let opener = null;
let asked = 0;

async function open(link) {
  const mine = ++asked;
  const back = new URLSearchParams(link.search).get("list") ?? "";
  panel.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${link.dataset.peek}?${new URLSearchParams({ list: back })}`, { headers: { "HX-Request": "true" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    if (mine !== asked) return;
    opener?.closest("tr")?.classList.remove("peeked");
    opener = link;
    panel.innerHTML = html;
    panel.hidden = false;
    link.closest("tr").classList.add("peeked");
    document.getElementById("peek-title").focus({ preventScroll: true });
  } catch {
    location.assign(link.href); // the whole page can tell what is wrong
  } finally {
    panel.removeAttribute("aria-busy");
  }
}

function close() {
  if (panel.hidden) return;
  panel.hidden = true;
  panel.replaceChildren();
  const row = opener?.closest("tr");
  row?.classList.remove("peeked");
  (row?.isConnected ? row.querySelector("[data-row-key=o]") : document.getElementById("list-title"))?.focus({ preventScroll: true });
  opener = null;
  said.textContent = "";
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#peek-close")) return close();
  const link = event.target.closest?.("[data-peek]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (link === opener) close();
  else open(link);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || panel.hidden) return;
  if (document.querySelector("dialog[open], details.menu[open]")) return;
  event.preventDefault();
  close();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "invoices" && !panel.hidden && !opener?.isConnected) {
    panel.hidden = true; // its row is not listed any more
    opener = null;
  }
});
