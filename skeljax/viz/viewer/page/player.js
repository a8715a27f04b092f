// Playback: the current frame, speed and loop.
const Player = (() => {
  class Player {
    constructor(onFrame, onState) {
      this.onFrame = onFrame;
      this.onState = onState;
      this.speed = 1;
      this.playing = false;
      this.loop = null;  // {start, end}
      this.frames = 1;
      this.fps = 30;
      this.place = this.frame = 0;
    }

    load(frames, fps, frame = 0) {
      this.frames = frames;
      this.fps = fps;
      this.loop = null;
      this.place = this.frame = Math.min(Math.max(0, frame), frames - 1);
      this.pause();
    }

    seek(frame) {
      this.place = Math.min(Math.max(0, frame), this.frames - 1);
      this.show();
    }

    show() {
      const frame = Math.floor(this.place);
      if (frame === this.frame) return;
      this.frame = frame;
      this.onFrame(frame);
    }

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    play() {
      if (this.frame >= this.frames - 1 && !this.loop) this.seek(0);
      this.playing = true;
      this.before = performance.now();
      this.onState();
      const tick = now => {
        if (!this.playing) return;
        this.advance(Math.max(0, now - this.before) / 1000);
        this.before = now;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }

    advance(seconds) {
      const last = this.frames - 1;
      this.place += seconds * this.fps * this.speed;
      if (this.loop) {
        if (this.place >= this.loop.end) this.place = this.loop.start;
      } else if (this.place >= last) {
        this.place = last;
        this.pause();
      }
      this.show();
    }

    pause() {
      this.playing = false;
      this.onState();
    }
  }

  return Player;
})();
