// The dialog of the search, for the page that portal.js opens it over. Everything in it comes from
// /search; without it, the form in the header leads there.

const WAIT = 140; // Milliseconds after the last key, before anything is asked for.
const SLASH = "portal_slash";
let coming = null;

async function part(query, signal) {
  // A redirect leads to a whole page, such as the one to sign in again: not into here.
  const answer = await fetch(`/search?${query}`, { signal, redirect: "manual" });
  if (!answer.ok) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function bring() {
  const found = await part("part=dialog");
  const styles = found.querySelector("link");
  const styled = new Promise((done) => (styles.onload = styles.onerror = done));
  document.head.append(styles);
  await styled;
  return palette(document.body.appendChild(found.querySelector("dialog")));
}

// Whoever speaks to their computer may not want a single key to do anything (WCAG 2.1.4).
function slashIsOn() {
  return !document.cookie.includes(`${SLASH}=off`);
}

function keepSlash(on) {
  document.cookie = `${SLASH}=off; Max-Age=${on ? 0 : 31536000}; Path=/; SameSite=Lax`;
}

function palette(dialog) {
  const field = dialog.querySelector("input[name=q]");
  const results = dialog.querySelector("[data-palette-results]");
  const status = dialog.querySelector("[data-palette-status]");
  const failed = dialog.querySelector("[data-palette-failed]");
  const slash = dialog.querySelector("[data-palette-slash]");
  let timer = 0;
  let asking = new AbortController();
  let shown = "";
  let leave = () => {};

  async function ask() {
    const text = field.value.trim();
    asking.abort();
    if (text === shown) return;
    asking = new AbortController();
    const { signal } = asking;
    try {
      const found = await part(`part=1&q=${encodeURIComponent(text)}`, signal);
      if (signal.aborted) return;
      results.replaceChildren(...found.body.childNodes);
      results.scrollTop = 0;
      status.textContent = results.querySelector("[data-found]")?.dataset.found ?? "";
      failed.hidden = true;
      shown = text;
    } catch {
      if (signal.aborted) return;
      results.replaceChildren();
      failed.hidden = false;
      status.textContent = failed.textContent;
      shown = null;
    }
  }

  // The links themselves take the focus, so that they are read out, and open as links do.
  function step(by) {
    const links = [...results.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement) + by;
    (at < 0 ? field : links[Math.min(at, links.length - 1)])?.focus();
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else if (event.key === "Escape") dialog.close();
    else {
      const types = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (types && results.contains(document.activeElement)) field.focus();
      return;
    }
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-palette-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    asking.abort();
    leave();
  });
  slash.addEventListener("change", () => keepSlash(slash.checked));
  window.addEventListener("pagehide", () => dialog.close());

  return (header, from) => {
    if (!dialog.open) {
      leave = () => (from === document.body ? header.blur() : from.focus());
      slash.checked = slashIsOn();
      dialog.showModal();
    }
    field.focus();
    if (header.value) {
      field.value = header.value;
      header.value = "";
    } else field.select();
    ask();
  };
}

// Opens the dialog with what `header`, the field on the page, has been given; its end brings the
// focus back to `from`.
export async function open(header, from) {
  try {
    coming ??= bring();
    (await coming)(header, from);
  } catch {
    coming = null;
    if (!header.checkVisibility()) header.form.submit();
  }
}
