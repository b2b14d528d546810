// The page of one call: recording and transcript in step, and listening to a live call.
"use strict";

// The roles of messages, and of what is heard.
const WHO = { user: "Caller", bot: "Assistant", assistant: "Assistant", supervisor: "Supervisor" };
const player = document.getElementById("player");
const spoken = document.querySelector("[data-transcript]");

function seek(seconds) {
  if (!player) return;
  player.currentTime = seconds;
  player.play();
}

// The line of the transcript and the place in the waveform that are heard now.
function follow() {
  const now = player.currentTime;
  let current = null;
  for (const line of document.querySelectorAll("[data-at]")) {
    if (Number(line.dataset.at) <= now + 0.05) current = line;
    line.removeAttribute("aria-current");
  }
  if (current) current.setAttribute("aria-current", "true");
  const drawing = document.querySelector(".wave svg");
  if (!drawing) return;
  const head = drawing.querySelector(".head");
  const x = drawing.viewBox.baseVal.width * Math.min(1, now / Number(drawing.dataset.seconds));
  head.setAttribute("x1", x);
  head.setAttribute("x2", x);
}

document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-at]");
  if (line) return seek(Number(line.dataset.at));
  const drawing = event.target.closest(".wave svg");
  if (!drawing) return;
  const box = drawing.getBoundingClientRect();
  seek(Number(drawing.dataset.seconds) * (event.clientX - box.left) / box.width);
});
if (player) player.addEventListener("timeupdate", follow);

// A live call: its text as it grows, and its sound once somebody presses the button.
class Listener {
  constructor(box) {
    this.state = box.querySelector("[data-listen-state]");
    this.button = box.querySelector("[data-hear]");
    this.button.addEventListener("click", () => this.toggle());
    this.socket = new WebSocket(box.dataset.listen);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (message) => this.take(message.data);
    this.socket.onclose = (close) => this.tell(close.reason || "Not connected to the call.");
  }

  tell(text) { this.state.textContent = text; }

  toggle() {
    if (this.sound) {
      this.sound.close();
      this.sound = null;
    } else {
      this.sound = new AudioContext();
      this.next = 0;
    }
    this.button.setAttribute("aria-pressed", String(Boolean(this.sound)));
    this.button.textContent = this.sound ? "Stop listening" : "Listen";
  }

  take(data) {
    if (typeof data !== "string") return this.play(new Int16Array(data));
    const message = JSON.parse(data);
    if (message.type === "start") {
      this.format = message;
      this.tell("Connected to the call.");
    }
    if (message.type === "transcript") {
      this.write(message.role, message.transcript, message.transcriptType === "partial");
    }
    if (message.type === "conversation-update") this.writeAll(message.messages);
  }

  play(samples) {
    if (!this.sound || !this.format) return;
    const { channels, sampleRate } = this.format;
    const frames = Math.floor(samples.length / channels);
    if (!frames) return;
    const buffer = this.sound.createBuffer(channels, frames, sampleRate);
    for (let channel = 0; channel < channels; channel += 1) {
      const out = buffer.getChannelData(channel);
      for (let at = 0; at < frames; at += 1) out[at] = samples[at * channels + channel] / 32768;
    }
    const source = this.sound.createBufferSource();
    source.buffer = buffer;
    source.connect(this.sound.destination);
    // A little ahead, so that a late piece makes no gap; never far behind.
    const now = this.sound.currentTime;
    if (this.next < now || this.next > now + 1) this.next = now + 0.15;
    source.start(this.next);
    this.next += buffer.duration;
  }

  // What was said before the page was opened comes with the next turn.
  writeAll(messages) {
    if (!spoken) return;
    spoken.replaceChildren();
    for (const each of messages) {
      if (each.role === "tool_calls") {
        for (const call of each.toolCalls) this.write("bot", `calls ${call.function.name}`, false);
      } else if (each.message && WHO[each.role]) {
        this.write(each.role, each.message, false);
      }
    }
  }

  write(role, words, isPartial) {
    if (!spoken) return;
    const old = spoken.querySelector(".partial");
    if (old) old.remove();
    const line = document.createElement("li");
    const who = document.createElement("b");
    const text = document.createElement("p");
    who.textContent = WHO[role];
    text.append(who, ` ${words}`);
    line.append(text);
    line.className = WHO[role].toLowerCase();
    line.classList.toggle("partial", isPartial);
    spoken.append(line);
    spoken.parentElement.scrollTop = spoken.scrollHeight;
  }
}

const box = document.querySelector("[data-listen]");
if (box) new Listener(box);
