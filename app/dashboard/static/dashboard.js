// What the pages cannot do without a script. Every page works without it, only less well.
"use strict";

// A login link has its token behind "#", which no server sees.
function fillSecretFromHash() {
  const field = document.querySelector("[data-from-hash]");
  if (!field || location.hash.length < 2) return;
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

// Times in the reader's own zone; the page has them in UTC.
function showLocalTimes(root) {
  for (const each of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(each.getAttribute("datetime"));
    if (Number.isNaN(at.getTime())) continue;
    each.title = each.textContent;
    each.textContent = at.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
    each.dataset.local = "";
  }
}

// A button with data-copy copies that text.
function copyOnClick(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  navigator.clipboard.writeText(button.dataset.copy).then(() => {
    const word = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = word; }, 1500);
  });
}

// A form or button with data-confirm asks first.
function confirmFirst(event) {
  const asked = event.target.dataset.confirm;
  if (asked && !window.confirm(asked)) event.preventDefault();
}

fillSecretFromHash();
showLocalTimes(document);
document.addEventListener("click", copyOnClick);
document.addEventListener("submit", confirmFirst);
document.addEventListener("htmx:after:swap", () => showLocalTimes(document));

// A running clock for each call that talks.
function tick() {
  for (const each of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(each.dataset.since)) / 1000));
    each.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

// Parts of a page with hx-trigger="live from:body" are loaded anew when a call has changed.
const SLOW = 5000;
function tell(what) { document.body.dispatchEvent(new CustomEvent(what)); }
function followCalls() {
  if (!document.querySelector("[data-live]")) return;
  setInterval(tick, 1000);
  setInterval(() => tell("minute"), 60000);
  const source = new EventSource("/dashboard/live");
  source.onmessage = () => tell("live");
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setInterval(() => tell("live"), SLOW);  // the server has no stream to spare
  };
}
followCalls();
