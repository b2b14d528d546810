// The sound of a web call in the browser's audio thread: 16 kHz PCM out of the microphone, and in.
"use strict";

const RATE = 16000;
const FRAME = 320; // samples of one message: 20 ms
const MOST = 60 * RATE; // samples that wait to be played; older ones are dropped
const LEVEL_EVERY = 0.1; // seconds between two volume levels

// Samples at the device's rate -> messages of 20 ms at 16 kHz. Each sample is an average.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(FRAME);
    this.length = 0;
    this.sum = this.count = this.phase = 0;
  }

  process(inputs) {
    const heard = inputs[0][0];
    for (let i = 0; heard && i < heard.length; i++) {
      this.sum += heard[i];
      this.count += 1;
      this.phase += RATE;
      if (this.phase >= sampleRate) {
        this.phase -= sampleRate;
        this.push(this.sum / this.count);
        this.sum = this.count = 0;
      }
    }
    return true;
  }

  push(value) {
    this.frame[this.length++] = Math.max(-1, Math.min(1, value)) * 32767;
    if (this.length === FRAME) {
      this.port.postMessage(this.frame.buffer, [this.frame.buffer]);
      this.frame = new Int16Array(FRAME);
      this.length = 0;
    }
  }
}

// PCM at 16 kHz -> the device's rate. A mark comes back when all before it was played or dropped.
class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = []; // Int16Array, or the name of a mark
    this.waiting = 0; // samples in it
    this.at = 0; // place in the first one, in samples; a fraction
    this.last = 0;
    this.speaking = false;
    this.energy = this.measured = 0;
    this.port.onmessage = (event) => this.take(event.data);
  }

  take(item) {
    if (item instanceof ArrayBuffer) {
      const pcm = new Int16Array(item);
      if (!pcm.length) return;
      this.queue.push(pcm);
      this.waiting += pcm.length;
      while (this.waiting > MOST) this.drop();
    } else if (item.mark !== undefined) {
      this.queue.push(item.mark);
    } else if (item.clear) {
      while (this.queue.length) this.drop();
    }
  }

  drop() {
    const first = this.queue.shift();
    this.at = 0;
    if (typeof first === "string") this.port.postMessage({ mark: first });
    else this.waiting -= first.length;
  }

  // The next sample at the device's rate; null where there is none.
  next() {
    while (this.queue.length && (typeof this.queue[0] === "string" || this.at >= this.queue[0].length)) {
      const rest = typeof this.queue[0] === "string" ? this.at : this.at - this.queue[0].length;
      this.drop();
      this.at = rest;
    }
    if (!this.queue.length) {
      this.at = 0;
      return null;
    }
    const pcm = this.queue[0];
    const whole = Math.floor(this.at);
    const part = this.at - whole;
    const from = whole ? pcm[whole - 1] : this.last;
    if (whole === pcm.length - 1) this.last = pcm[whole];
    this.at += RATE / sampleRate;
    return (from + (pcm[whole] - from) * part) / 32768;
  }

  process(_, outputs) {
    const out = outputs[0][0];
    let played = 0;
    for (let i = 0; i < out.length; i++) {
      const value = this.next();
      if (value === null) {
        this.last = 0;
        break;
      }
      out[i] = value;
      this.energy += value * value;
      played += 1;
    }
    for (let i = 1; i < outputs[0].length; i++) outputs[0][i].set(out);
    this.measured += out.length;
    this.tell(played > 0);
    return true;
  }

  tell(speaking) {
    if (this.measured >= LEVEL_EVERY * sampleRate) {
      this.port.postMessage({ level: Math.min(1, 3 * Math.sqrt(this.energy / this.measured)) });
      this.energy = this.measured = 0;
      if (!speaking && this.speaking) this.port.postMessage({ speaking: (this.speaking = false) });
    }
    if (speaking && !this.speaking) this.port.postMessage({ speaking: (this.speaking = true) });
  }
}

registerProcessor("patchbay-capture", Capture);
registerProcessor("patchbay-player", Player);
