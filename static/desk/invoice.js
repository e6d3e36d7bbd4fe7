// The pages of invoices and operations: ids to copy. Everything works without this file.

const words = document.getElementById("words").dataset;
const say = (text, kind) => document.dispatchEvent(new CustomEvent("desk:toast", { detail: { text, kind } }));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say(`${words.copied}: ${button.dataset.copy.slice(0, 80)}`, "success");
  } catch {
    say(`${words.notCopied}: ${button.dataset.copy}`, "error");
  }
});
