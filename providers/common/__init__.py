"""What carriers share: sound, DTMF tones, downloads, prices."""
