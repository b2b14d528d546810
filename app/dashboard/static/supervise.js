// The page of a live call: speaking to the caller by the browser's microphone, and taking the call over.
"use strict";

(() => {
  const NORMAL = 1000; // the close code of a call that is over
  const TAKEN = 4423; // another supervisor speaks
  // The server notices within 13 seconds that a connection is lost. From then on the assistant waits ten.
  const TRIES = 20;
  const PAUSE = 1000; // milliseconds between two tries
  const MOST_UNSENT = 128 * 1024; // bytes; a stalled network drops what the microphone adds
  const MICROPHONE = {
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  };
  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  class Supervisor {
    constructor(form) {
      this.form = form;
      this.state = form.querySelector("[data-supervise-state]");
      this.speakButton = form.querySelector("[data-speak]");
      this.takeButton = form.querySelector("[data-take]");
      this.taken = this.takeButton.textContent.startsWith("Give");
      this.speaking = false;
      this.speakButton.addEventListener("click", () => this.toggle());
      this.takeButton.addEventListener("click", () => this.takeOrGive());
    }

    show(text) {
      this.state.textContent = text;
      this.speakButton.setAttribute("aria-pressed", String(this.speaking));
      this.speakButton.textContent = this.speaking ? "Stop speaking" : "Speak";
      this.takeButton.textContent = this.taken ? "Give back" : "Take over";
    }

    async toggle() {
      if (this.speaking) this.stop("You do not speak any more.");
      else await this.speak();
    }

    async takeOrGive() {
      if (!this.speaking) await this.speak();
      if (this.isOpen()) this.socket.send(JSON.stringify({ type: this.taken ? "give-back" : "take-over" }));
    }

    isOpen() {
      return this.socket && this.socket.readyState === WebSocket.OPEN;
    }

    async speak() {
      this.speaking = true;
      this.show("Connecting…");
      if (this.opening) return; // the browser still asks for the microphone, or the server for a moment
      this.opening = true;
      try {
        await this.openMicrophone();
        if (this.speaking) await this.connect();
      } catch (error) {
        if (this.speaking) this.stop(error.message);
      } finally {
        this.opening = false;
      }
      if (!this.speaking) this.release(); // stopped meanwhile
    }

    async openMicrophone() {
      if (!navigator.mediaDevices) throw new Error("A microphone can be used on https pages only.");
      this.microphone = await navigator.mediaDevices.getUserMedia(MICROPHONE);
      this.sound = new AudioContext();
      await this.sound.audioWorklet.addModule(this.form.dataset.audio);
      const capture = new AudioWorkletNode(this.sound, "patchbay-capture", { numberOfOutputs: 0 });
      this.sound.createMediaStreamSource(this.microphone).connect(capture);
      capture.port.onmessage = (event) => {
        if (this.isOpen() && this.socket.bufferedAmount < MOST_UNSENT) this.socket.send(event.data);
      };
    }

    // Resolves once the socket is open. Its URL is good for one minute: each try asks for another.
    async connect() {
      const answer = await fetch(this.form.dataset.supervise, { method: "POST", body: new FormData(this.form) });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(told.problem || `The server answered ${answer.status}.`);
      if (!this.speaking) return;
      await new Promise((done, fail) => {
        const socket = (this.socket = new WebSocket(told.websocketUrl));
        let opened = false;
        socket.onopen = () => { opened = true; done(); };
        socket.onmessage = (event) => this.take(JSON.parse(event.data));
        socket.onclose = (event) => {
          if (opened) this.closed(event);
          else fail(new Error("The call's audio cannot be reached: MEDIA_URL must lead there."));
        };
      });
    }

    take(message) {
      this.tries = 0;
      this.taken = message.takenOver;
      const words = message.transcribed ? "" : " Your words are not transcribed: no transcriber hears them.";
      const who = this.taken ? "You have the call, and the assistant is silent." : "You speak beside the assistant.";
      this.show(who + words);
    }

    closed(event) {
      if (!this.speaking) return;
      if (event.code === NORMAL) this.stop("The call is over.");
      else if (event.code === TAKEN && !this.tries) this.stop("Another supervisor speaks on this call.");
      else this.retry();
    }

    // The call's own socket may have been lost too, and be replaced in a moment. Who "speaks" may be
    // this page's own lost connection.
    async retry() {
      this.tries = (this.tries || 0) + 1;
      if (this.tries > TRIES) return this.stop("The connection was lost: the assistant has the call.");
      this.show("The connection was lost. Trying again…");
      await wait(PAUSE);
      if (!this.speaking) return;
      try {
        await this.connect();
      } catch {
        this.retry();
      }
    }

    // The assistant has the call again, at once.
    stop(text) {
      this.speaking = this.taken = false;
      if (this.socket && this.socket.readyState < WebSocket.CLOSING) this.socket.close(NORMAL);
      this.release();
      this.show(text);
    }

    release() {
      if (this.microphone) this.microphone.getTracks().forEach((track) => track.stop());
      if (this.sound && this.sound.state !== "closed") this.sound.close();
    }
  }

  const form = document.querySelector("[data-supervise]");
  if (form) new Supervisor(form);
})();
