// Keeps an open page up to date: hears from /live that the CRM has changed, fetches the page anew
// and takes over what differs in its marked parts. Without this script the page simply stays.

const CLOSE_WHEN_HIDDEN_MS = 60_000;
const OPEN_AGAIN_MS = 60_000;
const MOST_TRIES = 5;
const NOTICE_MS = 10_000;
const REMEMBERED = "live";
const TYPED_IN = "input, textarea, select, [contenteditable]";

const notice = document.querySelector("[data-live-notice]");
const marked = (root) => [...root.querySelectorAll("main [data-live]")];
const about = (part) => part.dataset.live.split(" ");

const due = new Set();
let stream = null;
let tries = 0;
let timer;
let fetching = false;
let clearing;

// What this tab was last told, also by the pages before this one: a page that is rendered later
// and hears the same shows nothing old.
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {};
  }
}

function remember(versions) {
  try {
    sessionStorage.setItem(REMEMBERED, JSON.stringify(versions));
  } catch {
    // Storage is blocked: each page asks once more.
  }
}

function open() {
  clearTimeout(timer);
  if (stream || document.hidden || !marked(document).length) return;
  stream = new EventSource("/live");
  stream.addEventListener("now", (event) => {
    tries = 0;
    const { versions } = JSON.parse(event.data);
    const before = remembered();
    remember(versions);
    update(Object.keys(versions).filter((part) => versions[part] !== before[part]));
  });
  stream.addEventListener("changed", (event) => {
    const { parts, versions } = JSON.parse(event.data);
    remember(versions);
    update(parts);
  });
  stream.addEventListener("end", (event) => {
    close();
    // The server says better than we could what the person may still see.
    if (JSON.parse(event.data).reason === "over" && !typing(document.body)) location.reload();
  });
  stream.addEventListener("error", () => {
    // A stream that was lost is opened anew by the browser, one that was refused is not.
    if (stream?.readyState !== EventSource.CLOSED) return;
    close();
    tries += 1;
    if (tries <= MOST_TRIES) timer = setTimeout(open, OPEN_AGAIN_MS * tries);
  });
}

function close() {
  clearTimeout(timer);
  stream?.close();
  stream = null;
}

function typing(part) {
  return part.contains(document.activeElement) && document.activeElement.matches(TYPED_IN);
}

async function update(parts) {
  parts.forEach((part) => due.add(part));
  if (fetching) return;
  fetching = true;
  while (marked(document).some(isDue)) {
    const wanted = new Set(due);
    due.clear();
    const fresh = await freshPage();
    if (!fresh) {
      wanted.forEach((part) => due.add(part));
      break;
    }
    const shown = takeOver(fresh, wanted);
    if (shown.size) say([...wanted].filter((part) => shown.has(part)));
  }
  fetching = false;
}

function isDue(part) {
  return !typing(part) && about(part).some((name) => due.has(name));
}

// XMLHttpRequest makes a document of an answer by itself, where DOMParser would have to be trusted
// with text. Scripts in it never run.
function freshPage() {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.onload = () => {
      const moved = new URL(request.responseURL).pathname !== location.pathname;
      resolve(request.status === 200 && !moved ? request.response : null);
    };
    request.onerror = () => resolve(null);
    request.send();
  });
}

// Brings the parts that changed up to the fresh page; gives the names of those that really differ.
function takeOver(fresh, wanted) {
  const here = marked(document);
  const there = marked(fresh);
  const fits = here.length === there.length && here.every((p, n) => p.dataset.live === there[n].dataset.live);
  const pairs = fits
    ? here.map((part, n) => [part, there[n]])
    : [[document.querySelector("main"), fresh.querySelector("main")]];
  // A part may be about several names: the one that it shares with no other wanted one is certain.
  const certain = new Set();
  const possible = new Set();
  for (const [part, now] of pairs) {
    const names = fits ? about(part).filter((name) => wanted.has(name)) : [...wanted];
    if (!names.length) continue;
    if (typing(part)) {
      names.forEach((name) => due.add(name));
    } else if (settle(part, now)) {
      names.forEach((name) => (names.length === 1 ? certain : possible).add(name));
    }
  }
  const shown = certain.size ? certain : possible;
  if (shown.size) document.title = fresh.title;
  return shown;
}

// Makes `old` what `now` is with as few changes as can be, so that focus, open details and the
// scroll position stay where they are. Gives whether anything was different.
function settle(old, now) {
  const attributes = settleAttributes(old, now);
  return settleChildren(old, now) || attributes;
}

function settleAttributes(old, now) {
  let differs = false;
  for (const { name, value } of [...now.attributes]) {
    if (isOurs(old, name) || old.getAttribute(name) === value) continue;
    old.setAttribute(name, value);
    differs = true;
  }
  for (const { name } of [...old.attributes]) {
    if (isOurs(old, name) || now.hasAttribute(name)) continue;
    old.removeAttribute(name);
    differs = true;
  }
  return differs;
}

// What the person or another script has set since, and the server knows nothing of.
function isOurs(element, name) {
  return (
    (name === "open" && element.localName === "details") ||
    (name === "class" && element.classList.contains("table__row--live"))
  );
}

function settleChildren(old, now) {
  const keys = new Set([...now.children].map(key));
  let differs = false;
  for (const gone of [...old.children].filter((one) => key(one) && !keys.has(key(one)))) {
    gone.remove();
    differs = true;
  }
  const left = [...old.childNodes];
  let place = old.firstChild;
  for (const child of now.childNodes) {
    // What has no key is looked for only up to the next that has: that one is still to come.
    const end = key(child) ? -1 : left.findIndex(key);
    const same = left.slice(0, end < 0 ? left.length : end).find((one) => alike(one, child));
    if (!same) {
      old.insertBefore(document.importNode(child, true), place);
      differs = true;
      continue;
    }
    // What stands before it and fits nothing goes; moving the one that stays would lose the focus.
    for (const skipped of left.splice(0, left.indexOf(same) + 1)) {
      if (skipped === same) continue;
      skipped.remove();
      differs = true;
    }
    if (same.nodeType !== Node.ELEMENT_NODE) {
      if (same.nodeValue !== child.nodeValue) {
        same.nodeValue = child.nodeValue;
        differs = true;
      }
    } else if (settle(same, child)) {
      differs = true;
    }
    place = same.nextSibling;
  }
  for (const gone of left) {
    gone.remove();
    differs = true;
  }
  return differs;
}

function alike(one, other) {
  return one.nodeName === other.nodeName && key(one) === key(other);
}

// Elements that speak of a record are the same when they speak of the same one.
function key(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  const link = node.matches("li, tr") && node.querySelector("a[href]");
  return node.id || link?.getAttribute?.("href") || node.getAttribute("aria-labelledby") || "";
}

function say(parts) {
  const names = parts.map((part) => notice.dataset[part]).filter(Boolean);
  if (!names.length) return;
  const list = new Intl.ListFormat(document.documentElement.lang).format(names);
  const words = document.createElement("p");
  words.className = "live__words";
  words.textContent = notice.dataset.liveNotice.replace("{}", list);
  notice.replaceChildren(words);
  readSoon();
}

// The words stay until somebody has had the time to read them.
function readSoon() {
  clearTimeout(clearing);
  if (!document.hidden) clearing = setTimeout(() => notice.replaceChildren(), NOTICE_MS);
}

document.addEventListener("visibilitychange", () => {
  readSoon();
  if (!document.hidden) open();
  else timer = setTimeout(close, CLOSE_WHEN_HIDDEN_MS);
});
document.addEventListener("focusout", () => setTimeout(update, 0, []));
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
open();
