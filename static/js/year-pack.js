// Shows how far a year pack is while it is made. Without this the page asks again by itself.

const pack = document.querySelector("[data-pack]");

function all(name, within = document) {
  return within.querySelectorAll(`[data-pack-${name}]`);
}

function show(elements, shown) {
  for (const element of elements) element.hidden = !shown;
}

// A text that is said again would be read out again.
function say(text) {
  for (const element of all("words")) {
    if (element.textContent !== text) element.textContent = text;
  }
}

function progress({ done, total, words, state }) {
  for (const bar of all("bar")) {
    bar.max = total;
    bar.value = done;
  }
  say(words);
  if (state === "building") show(all("stalled"), false);
  all("file").forEach((file, place) => {
    show(all("made", file), place < done);
    show(all("waits", file), place >= done);
  });
}

if (pack) {
  const events = new EventSource(pack.dataset.pack);
  const { lost } = document.querySelector("[data-pack-words]").dataset;
  const read = (event) => progress(JSON.parse(event.data));
  events.addEventListener("building", read);
  events.addEventListener("stalled", read);
  events.addEventListener("done", (event) => {
    events.close();
    read(event);
    show(all("state"), false);
    show([...all("stalled"), ...all("unfinished")], false);
    show(all("done"), true);
  });
  // What can be done now is another page's: its buttons, and why it rests.
  for (const ending of ["paused", "cancelled"]) {
    events.addEventListener(ending, () => {
      events.close();
      location.reload();
    });
  }
  // The browser comes back by itself after each stream; only when it gives up is there news.
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) say(lost);
  });
}
