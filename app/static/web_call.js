// The page of a web call: its buttons, and what was said.
"use strict";

(() => {
  const MOST_LINES = 500;
  const WHO = { user: "You", assistant: "Assistant", supervisor: "Supervisor" };
  const find = (id) => document.getElementById(id);
  const buttons = { start: find("start"), mute: find("mute"), stop: find("stop") };
  const call = new Patchbay();

  function show(text, live) {
    find("state").textContent = text;
    document.body.dataset.state = live;
    buttons.start.hidden = live !== "idle";
    buttons.mute.hidden = buttons.stop.hidden = live !== "live";
  }

  function write(message) {
    if (message.type !== "transcript" || message.transcriptType !== "final") return;
    const line = document.createElement("li");
    const who = document.createElement("b");
    who.textContent = WHO[message.role];
    line.append(who, ` ${message.transcript}`);
    const list = find("transcript");
    list.append(line);
    while (list.children.length > MOST_LINES) list.firstChild.remove();
  }

  call.on("call-start", () => show("Connected. Speak at any time.", "live"));
  call.on("reconnecting", () => show("The connection was lost. Trying again…", "live"));
  call.on("call-end", () => show(document.body.dataset.why || "The call is over.", "over"));
  call.on("volume-level", (level) => { find("volume").value = level; });
  call.on("message", write);
  call.on("error", (error) => { document.body.dataset.why = error.message; });

  buttons.start.addEventListener("click", async () => {
    show("Connecting…", "connecting");
    try {
      await call.start({ webCallUrl: location.href });
    } catch (error) {
      show(error.message, "over");
    }
  });
  buttons.stop.addEventListener("click", () => call.stop());
  buttons.mute.addEventListener("click", () => {
    call.setMuted(!call.isMuted());
    buttons.mute.setAttribute("aria-pressed", String(call.isMuted()));
  });
  show(find("state").textContent, "idle");
})();
