// A batch has begun: the rows it took are no longer ticked in the lists they came from. Once, so that they can be ticked again.

const mark = document.querySelector("[data-begun]");

function untick(taken) {
  for (const name of Object.keys(sessionStorage).filter((each) => each.startsWith("selected:"))) {
    const left = JSON.parse(sessionStorage.getItem(name)).filter((pk) => !taken.has(pk));
    if (left.length) sessionStorage.setItem(name, JSON.stringify(left));
    else sessionStorage.removeItem(name);
  }
}

if (mark) {
  try {
    if (sessionStorage.getItem("begun") !== mark.dataset.begun) {
      untick(new Set(mark.dataset.rows.split(",")));
      sessionStorage.setItem("begun", mark.dataset.begun);
    }
  } catch {
    // no storage, or what another page kept there: the rows stay ticked
  }
}
