// Makes pages that work without it a little nicer. Nothing here submits, stores or fetches by itself,
// but for the choice of colours.

const NEXT_THEME = { auto: "dark", dark: "light", light: "auto" };
const LABELS = { auto: "labelAuto", dark: "labelDark", light: "labelLight" };
const root = document.documentElement;

function chosenTheme() {
  return root.dataset.themeChoice ?? "auto";
}

// The cookie is for the server, which paints the next page in it.
function chooseTheme(choice) {
  const kept = choice === "auto" ? "auto; Max-Age=0" : `${choice}; Max-Age=31536000`;
  document.cookie = `portal_theme=${kept}; Path=/; SameSite=Lax`;
  try {
    if (choice === "auto") localStorage.removeItem("sm-theme");
    else localStorage.setItem("sm-theme", choice);
  } catch {
    return; // Storage is blocked: the device's choice stays.
  }
  window.dispatchEvent(new Event("sm-theme"));
}

function labelToggle(button) {
  const label = button.dataset[LABELS[chosenTheme()]];
  button.setAttribute("aria-label", label);
  button.title = label;
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  labelToggle(button);
  button.addEventListener("click", () => chooseTheme(NEXT_THEME[chosenTheme()]));
  // Another tab may choose as well.
  for (const event of ["sm-theme", "storage"]) {
    window.addEventListener(event, () => labelToggle(button));
  }
}

// The account page's choice takes effect at once; without a script its button does it.
for (const form of document.querySelectorAll("form[data-theme-form]")) {
  const chosen = form.querySelector(`[value="${chosenTheme()}"]`);
  if (chosen) chosen.checked = true;
  form.querySelector("button").hidden = true;
  form.addEventListener("change", (event) => chooseTheme(event.target.value));
}

for (const menu of document.querySelectorAll("details[data-menu]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
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
  row.classList.add("table__row--live");
  row.addEventListener("click", (event) => {
    if (event.target.closest("a, button") || String(getSelection())) return;
    if (event.metaKey || event.ctrlKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  });
}

// A code pasted with words or dashes around it becomes its digits.
for (const field of document.querySelectorAll("[data-digits]")) {
  field.addEventListener("input", () => {
    const digits = field.value.replace(/\D/g, "").slice(0, Number(field.dataset.digits));
    if (digits !== field.value) field.value = digits;
  });
}

// Keys lead to the search in the header. Its dialog comes with the first of them.
for (const finder of document.querySelectorAll("[data-finder]")) {
  const field = finder.elements.q;
  const open = (event) => {
    event.preventDefault();
    const from = document.activeElement;
    field.focus();
    import(finder.dataset.finder).then((search) => search.open(field, from));
  };
  field.placeholder += /Mac|iP/.test(navigator.platform) ? " (⌘K)" : " (Ctrl K)";
  finder.addEventListener("submit", (event) => field.value.trim() || open(event));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey !== event.metaKey) return event.key === "k" && open(event);
    if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
    if (!document.cookie.includes("portal_slash=off")) open(event);
  });
}

// What keeps the page up to date comes once it has settled: nothing has changed yet.
const live = document.querySelector("[data-live-script]");
if (live && document.querySelector("main [data-live]")) {
  window.addEventListener("load", () => setTimeout(() => import(live.dataset.liveScript), 1000));
}
