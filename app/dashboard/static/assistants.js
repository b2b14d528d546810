// The page of one assistant: the web call of its Talk button, and edits that are not saved yet.
"use strict";

(() => {
  const MOST_LINES = 300;
  const editor = () => document.querySelector("[data-editor]");
  const panel = document.querySelector("[data-talk]");
  const find = (part) => panel.querySelector(`[data-talk-${part}]`);
  const parts = Object.fromEntries(
    ["state", "start", "mute", "stop", "volume", "lines", "call", "keys"].map((part) => [part, find(part)]),
  );
  const call = new Patchbay();
  let why = "";

  // What is shown, and where the keyboard is: a button that is hidden must not keep it.
  function show(text, state) {
    const focused = document.activeElement;
    parts.state.textContent = text;
    parts.start.setAttribute("aria-disabled", String(state === "connecting"));
    parts.start.hidden = state === "live";
    for (const part of ["mute", "stop", "volume", "keys"]) parts[part].hidden = state !== "live";
    if (focused === parts.start && state === "live") parts.stop.focus();
    if ([parts.stop, parts.mute].includes(focused) && state !== "live") parts.start.focus();
  }

  function write(message) {
    if (message.type !== "transcript") return;
    const isCaller = message.role === "user";
    const old = parts.lines.querySelector(".partial");
    if (old) old.remove();
    const line = document.createElement("li");
    const who = document.createElement("b");
    who.textContent = isCaller ? "You" : "Assistant";
    line.append(who, ` ${message.transcript}`);
    line.className = isCaller ? "caller" : "assistant";
    line.classList.toggle("partial", message.transcriptType === "partial");
    parts.lines.append(line);
    while (parts.lines.children.length > MOST_LINES) parts.lines.firstChild.remove();
    parts.lines.parentElement.scrollTop = parts.lines.parentElement.scrollHeight;
  }

  async function made() {
    const answer = await fetch(panel.dataset.talk, { method: "POST", body: new FormData(editor()) });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const problems = told.problems || [`No call was made: the server answered ${answer.status}.`];
      throw new Error(problems.join(" "));
    }
    return told;
  }

  async function start() {
    if (parts.start.getAttribute("aria-disabled") === "true") return;
    why = "";
    parts.lines.replaceChildren();
    parts.call.hidden = true;
    show("Connecting…", "connecting");
    try {
      const told = await made();
      parts.call.querySelector("a").href = told.call;
      parts.call.hidden = false;
      await call.start({ webCallUrl: location.origin + told.join });
    } catch (error) {
      show(error.message, "over");
    }
  }

  call.on("call-start", () => show("Connected. Speak at any time.", "live"));
  call.on("reconnecting", () => show("The connection was lost. Trying again…", "live"));
  call.on("call-end", () => show(why || "The call is over.", "over"));
  call.on("volume-level", (level) => { parts.volume.value = level; });
  call.on("message", write);
  call.on("error", (error) => { why = error.message; });
  parts.start.addEventListener("click", start);
  parts.stop.addEventListener("click", () => call.stop());
  parts.mute.addEventListener("click", () => {
    call.setMuted(!call.isMuted());
    parts.mute.setAttribute("aria-pressed", String(call.isMuted()));
  });

  parts.keys.addEventListener("click", (event) => {
    const { key } = event.target.dataset;
    if (key) call.send({ type: "dtmf", digit: key });
  });

  // Edits that are not saved: told, and asked about before the page is left.
  let isDirty = false;
  function setDirty(dirty) {
    isDirty = dirty;
    const told = document.querySelector("[data-dirty]");
    if (told) told.hidden = !dirty;
  }
  document.addEventListener("input", (event) => { if (event.target.closest("[data-editor]")) setDirty(true); });
  document.addEventListener("submit", (event) => { if (event.target.matches("[data-editor]")) isDirty = false; });
  addEventListener("beforeunload", (event) => { if (isDirty) event.preventDefault(); });

  const refused = document.getElementById("refused");
  if (refused) {
    refused.focus();
    setDirty(true);
  }

  // After a check: inputs that are wrong say so, and a view that was changed is still not saved.
  document.addEventListener("htmx:after:swap", () => {
    setDirty(isDirty);
    for (const beside of document.querySelectorAll(".verdict")) {
      const name = beside.id.replace(/^v-/, "");
      const input = document.getElementById(name === "json-problem" ? "json" : `f-${name}`);
      if (!input) continue;
      if (beside.querySelector(".problem")) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  });
})();
