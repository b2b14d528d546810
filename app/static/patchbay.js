// A call from a browser: the client for pages. It depends on nothing else, and on no other host.
// The events and methods have the names of Vapi's web client. See docs/web-calls.md.
"use strict";

(() => {
  const TRIES = 6; // requests for a media socket before the call counts as lost
  const PAUSE = 500; // milliseconds before the second of them; each later pause is twice as long
  const MOST_UNSENT = 256 * 1024; // bytes; a stalled network drops what the microphone adds
  const NORMAL = 1000; // the close code after which nothing is tried again
  const REFUSED = new Set(["NotAllowedError", "SecurityError"]);
  const MICROPHONE = {
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  };

  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const named = (type, message) => Object.assign(new Error(message), { type });

  class Patchbay {
    // callUrl: a URL of your own server, which makes the web call with the API key.
    constructor({ callUrl = null } = {}) {
      this.callUrl = callUrl;
      this.listeners = new Map();
      this.call = null;
      this.muted = false;
    }

    on(event, listener) {
      this.listeners.set(event, [...(this.listeners.get(event) || []), listener]);
      return this;
    }

    once(event, listener) {
      const first = (...data) => {
        this.off(event, first);
        listener(...data);
      };
      return this.on(event, first);
    }

    off(event, listener) {
      this.listeners.set(event, (this.listeners.get(event) || []).filter((each) => each !== listener));
      return this;
    }

    removeAllListeners(event) {
      if (event === undefined) this.listeners.clear();
      else this.listeners.delete(event);
      return this;
    }

    emit(event, ...data) {
      for (const listener of this.listeners.get(event) || []) listener(...data);
    }

    // Begins a call. what: a Call with webCallUrl, that URL, an assistant's id, or an assistant.
    async start(what, assistantOverrides) {
      if (this.call) throw named("busy", "A call goes on already.");
      const call = (this.call = { over: false });
      try {
        const made = await this.made(what, assistantOverrides);
        const url = new URL(made.webCallUrl);
        call.path = url.origin + url.pathname.replace(/\/$/, "");
        call.scripts = url.origin + url.pathname.replace(/\/web\/[^/]*\/?$/, "");
        await this.open(call);
        return made;
      } catch (error) {
        this.fail(call, error);
        throw error;
      }
    }

    // The same for a call that was made before.
    async reconnect(webCall) {
      await this.start(webCall);
    }

    stop() {
      const call = this.call;
      if (!call) return;
      if (call.socket && call.socket.readyState === WebSocket.OPEN) {
        call.socket.send(JSON.stringify({ type: "end-call" }));
        call.socket.close(NORMAL);
      } else {
        this.tell(call, "left");
      }
      this.finish(call);
    }

    // {type: "add-message", message: {role, content}}, {type: "say", content}, {type: "control", control}
    send(message) {
      if (!this.call || !this.call.socket || this.call.socket.readyState !== WebSocket.OPEN) {
        throw named("no-call", "No call goes on.");
      }
      if (message.type === "end-call") this.stop();
      else this.call.socket.send(JSON.stringify(message));
    }

    say(content, endCallAfterSpoken, interruptionsEnabled, interruptAssistantEnabled) {
      this.send({ type: "say", content, endCallAfterSpoken, interruptionsEnabled, interruptAssistantEnabled });
    }

    setMuted(muted) {
      this.muted = Boolean(muted);
    }

    isMuted() {
      return this.muted;
    }

    // ------------------------------------------------------------- the rest is not for pages

    async made(what, assistantOverrides) {
      if (what && what.webCallUrl) return what;
      if (typeof what === "string" && /^https?:/.test(what)) return { webCallUrl: what };
      if (!this.callUrl) throw named("start", "Give a webCallUrl, or the option callUrl.");
      const assistant = typeof what === "string" ? { assistantId: what } : { assistant: what };
      const answer = await fetch(this.callUrl, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...assistant, assistantOverrides }),
      });
      const call = answer.ok ? await answer.json() : {};
      if (!call.webCallUrl) throw named("start", `No call was made: ${this.callUrl} answered ${answer.status}.`);
      return call;
    }

    async open(call) {
      call.microphone = await this.microphone(call);
      if (call.over) return this.release(call);
      const context = (call.context = new AudioContext());
      await context.audioWorklet.addModule(`${call.scripts}/static/patchbay-audio.js`);
      if (context.state === "suspended") await context.resume();
      const capture = new AudioWorkletNode(context, "patchbay-capture", { numberOfOutputs: 0 });
      const player = new AudioWorkletNode(context, "patchbay-player", {
        numberOfInputs: 0,
        outputChannelCount: [1],
      });
      context.createMediaStreamSource(call.microphone).connect(capture);
      player.connect(context.destination);
      capture.port.onmessage = (event) => this.speak(call, event.data);
      player.port.onmessage = (event) => this.played(call, event.data);
      call.player = player;
      call.leave = () => this.tell(call, "left");
      addEventListener("pagehide", call.leave);
      await this.connect(call, "join");
    }

    async microphone(call) {
      if (!navigator.mediaDevices) {
        throw named("insecure", "A microphone can be used on https pages only.");
      }
      try {
        return await navigator.mediaDevices.getUserMedia(MICROPHONE);
      } catch (error) {
        const refused = REFUSED.has(error.name);
        this.tell(call, refused ? "microphone-refused" : "left");
        throw refused
          ? named("microphone-refused", "The microphone was refused.")
          : named("no-microphone", `The microphone cannot be used: ${error.message}`);
      }
    }

    // Asks for a media socket and opens it. Resolves once it is open.
    async connect(call, how) {
      const answer = await this.ask(call, how);
      if (call.over) return;
      if (answer.action !== "connect") {
        if (how === "join") throw named("over", answer.message || "The call is over.");
        this.finish(call);
        return;
      }
      await new Promise((done, fail) => {
        const socket = (call.socket = new WebSocket(answer.websocketUrl));
        let opened = false;
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
          opened = true;
          call.failures = 0;
          call.started = true;
          this.emit("call-start");
          done();
        };
        socket.onmessage = (event) => this.hear(call, event.data);
        socket.onclose = (event) => {
          if (opened) this.closed(call, event.code);
          else if (how === "join") this.retry(call).then(done, fail);
          else fail(named("connection", "The connection was lost."));
        };
      });
    }

    async ask(call, how) {
      const request = { request: crypto.randomUUID() };
      for (let tried = 0; ; tried++) {
        const answer = await this.post(call, how, request).catch(() => null);
        if (answer && answer.ok) return answer.json();
        if (answer && answer.status < 500) throw named("over", "This call cannot be joined.");
        if (call.over || tried >= TRIES) throw named("connection", "The connection was lost.");
        await wait(PAUSE * 2 ** tried);
      }
    }

    post(call, what, body) {
      // plain text: a page of another host may send it without asking before
      return fetch(`${call.path}/${what}`, { method: "POST", body: JSON.stringify(body), keepalive: true });
    }

    tell(call, type) {
      if (call.path) navigator.sendBeacon(`${call.path}/status`, JSON.stringify({ type }));
    }

    closed(call, code) {
      if (call.over) return;
      if (code === NORMAL) this.finish(call);
      else this.retry(call).catch((error) => this.fail(call, error));
    }

    async retry(call) {
      call.failures = (call.failures || 0) + 1;
      if (call.failures > TRIES) throw named("connection", "The connection was lost.");
      this.emit("reconnecting");
      call.player.port.postMessage({ clear: true });
      await wait(call.failures > 1 ? PAUSE * 2 ** call.failures : 0);
      if (!call.over) await this.connect(call, "continue");
    }

    speak(call, pcm) {
      const socket = call.socket;
      if (!socket || socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MOST_UNSENT) return;
      socket.send(this.muted ? new ArrayBuffer(pcm.byteLength) : pcm);
    }

    hear(call, data) {
      if (call.over) return;
      if (data instanceof ArrayBuffer) {
        call.player.port.postMessage(data, [data]);
        return;
      }
      const message = JSON.parse(data);
      if (message.type === "mark") call.player.port.postMessage({ mark: message.name });
      else if (message.type === "clear") call.player.port.postMessage({ clear: true });
      else this.emit("message", message);
    }

    played(call, told) {
      if (call.over || !call.started) return;
      if (told.mark !== undefined && call.socket.readyState === WebSocket.OPEN) {
        call.socket.send(JSON.stringify({ type: "mark", name: told.mark }));
      }
      if (told.level !== undefined) this.emit("volume-level", told.level);
      if (told.speaking !== undefined) this.emit(told.speaking ? "speech-start" : "speech-end");
    }

    fail(call, error) {
      if (call.over) return;
      this.emit("error", error);
      this.finish(call);
    }

    finish(call) {
      if (call.over) return;
      call.over = true;
      this.call = null;
      this.release(call);
      this.emit("call-end");
    }

    release(call) {
      if (call.leave) removeEventListener("pagehide", call.leave);
      if (call.microphone) call.microphone.getTracks().forEach((track) => track.stop());
      if (call.context && call.context.state !== "closed") call.context.close();
      if (call.socket && call.socket.readyState < WebSocket.CLOSING) call.socket.close(NORMAL);
    }
  }

  globalThis.Patchbay = Patchbay;
})();
