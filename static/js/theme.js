// Runs before the first paint: settles light or dark, so that nothing flashes.
// "sm-theme" holds "dark" or "light"; without it the server's word counts, which it has from a
// cookie, and without that the device's.
(function () {
  var root = document.documentElement;
  var told = root.dataset.theme;
  var device = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      var kept = localStorage.getItem("sm-theme");
      return kept === "dark" || kept === "light" ? kept : told || "auto";
    } catch (_blocked) {
      return told || "auto";
    }
  }

  // The browser's own bars take the colour of the theme that is shown, not of the device's.
  function paintBars(theme) {
    document.querySelectorAll("meta[data-theme-bar]").forEach(function (meta) {
      meta.media = meta.dataset.themeBar === theme ? "all" : "not all";
    });
  }

  function settle() {
    var chosen = choice();
    root.dataset.themeChoice = chosen;
    root.dataset.theme = chosen === "auto" ? (device.matches ? "dark" : "light") : chosen;
    paintBars(root.dataset.theme);
  }

  settle();
  device.addEventListener("change", settle);
  window.addEventListener("storage", settle);
  window.addEventListener("sm-theme", function () {
    told = undefined;
    settle();
  });
})();
