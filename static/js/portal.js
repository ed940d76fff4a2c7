// Makes pages that work without it a little nicer.

const NEXT_THEME = { auto: "dark", dark: "light", light: "auto" };
const root = document.documentElement;

function chooseTheme(choice) {
  try {
    if (choice === "auto") localStorage.removeItem("sm-theme");
    else localStorage.setItem("sm-theme", choice);
  } catch {
    return; // Storage is blocked: the device's choice stays.
  }
  window.dispatchEvent(new Event("sm-theme"));
}

function labelToggle(button) {
  const label = button.dataset[`label${root.dataset.themeChoice.replace(/^./, (c) => c.toUpperCase())}`];
  button.setAttribute("aria-label", label);
  button.title = label;
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  labelToggle(button);
  button.addEventListener("click", () => {
    chooseTheme(NEXT_THEME[root.dataset.themeChoice]);
    labelToggle(button);
  });
}

for (const menu of document.querySelectorAll("details[data-menu]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// A row of a table opens what its link opens, unless somebody is selecting text in it.
for (const row of document.querySelectorAll(".table__row--link")) {
  const link = row.querySelector("a");
  row.style.setProperty("cursor", "pointer");
  row.addEventListener("click", (event) => {
    if (event.target.closest("a, button") || String(getSelection())) return;
    if (event.metaKey || event.ctrlKey) window.open(link.href);
    else link.click();
  });
}
