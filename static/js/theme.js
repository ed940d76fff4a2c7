// Runs before the first paint: settles light or dark, so that nothing flashes.
// "sm-theme" holds "dark" or "light"; its absence means: whatever the device says.
(function () {
  var root = document.documentElement;
  var device = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      var kept = localStorage.getItem("sm-theme");
      return kept === "dark" || kept === "light" ? kept : "auto";
    } catch (_blocked) {
      return "auto";
    }
  }

  function settle() {
    var chosen = choice();
    root.dataset.themeChoice = chosen;
    root.dataset.theme = chosen === "auto" ? (device.matches ? "dark" : "light") : chosen;
  }

  settle();
  device.addEventListener("change", settle);
  window.addEventListener("storage", settle);
  window.addEventListener("sm-theme", settle);
})();
