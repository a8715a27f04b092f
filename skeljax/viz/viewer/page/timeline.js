// Rows of segments over a zoomable time axis; the needle marks the current frame.
const Timeline = (() => {
  const ROWS = ['truth', 'found', 'others'];
  const LANE = 26, STRIP = 13, THIN = 9;
  const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];

  const clock = (seconds, digits = 0) => {
    if (seconds < 60) return seconds.toFixed(digits);
    const minutes = Math.floor(seconds / 60);
    return `${minutes}:${(seconds - 60 * minutes).toFixed(digits).padStart(digits ? digits + 3 : 2, '0')}`;
  };

  // Assigns each segment to the first free lane.
  function lanes(segments) {
    const ends = [];
    return segments.map(({start, end}) => {
      let lane = ends.findIndex(free => free <= start);
      if (lane < 0) lane = ends.length;
      ends[lane] = end;
      return lane;
    });
  }

  class Timeline {
    // `on`: seek(frame), choose(row, index), view().
    constructor(on) {
      this.on = on;
      this.root = document.getElementById('rows');
      this.ruler = document.getElementById('ruler');
      this.needle = document.getElementById('needle');
      this.hover = document.getElementById('hover');
      this.tracks = Object.fromEntries(ROWS.map(row => [row, document.getElementById(row)]));
      this.frame = 0;
      this.width = this.left = 0;
      this.more = false;
      this.highlight = null;
      this.listen();
      new ResizeObserver(() => this.recording && this.draw()).observe(this.root);
    }

    show(recording, classes) {
      this.recording = recording;
      this.classes = classes;
      this.chosen = null;
      this.lanes = Object.fromEntries(ROWS.map(row => [row, lanes(recording[row] || [])]));
      this.from = 0;
      this.to = recording.frames;
      this.ruler.setAttribute('aria-valuemax', recording.frames - 1);
      for (const row of ROWS) this.hide(row, !this.visible(row));
      this.draw();
    }

    visible(row) {
      return row === 'found' || Boolean(this.recording[row]?.length && (row === 'truth' || this.more));
    }

    hide(row, hidden) {
      this.tracks[row].hidden = hidden;
      this.root.querySelector(`.gutter[data-row=${row}]`).hidden = hidden;
    }

    showMore(more) {
      this.more = more;
      this.hide('others', !this.visible('others'));
      this.draw();
    }

    x(frame) { return (frame - this.from) / (this.to - this.from) * this.width; }
    frameAt(clientX) {
      const x = clientX - this.ruler.getBoundingClientRect().left;
      const frame = Math.floor(this.from + x / this.width * (this.to - this.from));
      return Math.min(this.recording.frames - 1, Math.max(0, frame));
    }

    // Multiplies the visible time by `share`; the frame `around` keeps its position.
    zoom(share, around = this.frame) {
      const all = this.recording.frames, least = Math.min(all, Math.max(20, this.recording.fps));
      const length = Math.min(all, Math.max(least, (this.to - this.from) * share));
      const place = (around - this.from) / (this.to - this.from);
      const inside = place >= 0 && place <= 1 ? place : 0.5;
      this.move(around - inside * length, length);
    }

    move(from, length = this.to - this.from) {
      this.from = Math.min(Math.max(0, from), this.recording.frames - length);
      this.to = this.from + length;
      this.draw();
    }

    seek(frame) {
      this.frame = frame;
      if (frame < this.from || frame >= this.to) {
        const length = this.to - this.from;
        this.move(frame - 0.1 * length);
      } else this.placeNeedle();
      this.ruler.setAttribute('aria-valuenow', frame);
      const seconds = (frame / this.recording.fps).toFixed(2);
      this.ruler.setAttribute('aria-valuetext', `${seconds} seconds, frame ${frame}`);
    }

    placeNeedle() {
      const x = this.x(this.frame + 0.5);
      this.needle.style.transform = `translateX(${this.left + x}px)`;
    }

    draw() {
      // Read once: every access can trigger a layout of the page.
      this.width = this.ruler.clientWidth;
      this.left = this.ruler.offsetLeft;
      if (!this.width) return;
      this.drawRuler();
      for (const row of ROWS) this.drawRow(row);
      this.placeNeedle();
      this.on.view();
    }

    drawRuler() {
      const canvas = this.ruler.firstElementChild, context = Curves.fit(canvas, this.ruler);
      const {fps} = this.recording, pixels = this.width / (this.to - this.from) * fps;
      const style = getComputedStyle(document.documentElement);
      const ink = style.getPropertyValue('--quiet'), faint = style.getPropertyValue('--line');
      const step = STEPS.find(s => s * pixels >= 58) || 7200;
      context.font = '11px system-ui, sans-serif';
      const begin = Math.ceil(this.from / fps / step), end = this.to / fps / step;
      for (let i = begin; i <= end; i++) {
        const x = this.x(i * step * fps);
        context.fillStyle = faint;
        context.fillRect(Math.round(x), 16, 1, 8);
        context.fillStyle = ink;
        const text = clock(i * step, step < 1 ? 1 : 0);
        const wide = context.measureText(text).width;
        context.fillText(text, Math.min(Math.max(0, x - wide / 2), this.width - wide), 12);
      }
      for (const [from, to] of this.recording.gaps) {
        context.fillStyle = ink;
        for (let x = this.x(from); x < Math.min(this.x(to), this.width); x += 4)
          if (x >= 0) context.fillRect(x, 18, 2, 4);
      }
    }

    drawRow(row) {
      const track = this.tracks[row];
      if (track.hidden) return;
      const segments = this.recording[row] || [];
      const lane = row === 'others' ? THIN : LANE, strip = row === 'others' ? 0 : STRIP;
      const count = Math.max(1, ...this.lanes[row].map(l => l + 1));
      const marked = row !== 'others' && segments.some(s => s.kind && s.kind !== 'correct');
      const high = lane + (marked ? strip : 2);
      track.style.height = `${count * high}px`;
      const active = document.activeElement;
      const focused = active?.parentElement === track && active.dataset.index;
      const bars = [];
      segments.forEach((segment, index) => {
        if (segment.end <= this.from || segment.start >= this.to) return;
        const left = Math.max(0, this.x(segment.start));
        const wide = Math.max(3, Math.min(this.width + 4, this.x(segment.end)) - left - 1);
        const element = this.bar(row, segment, index, wide, lane);
        element.style.left = `${left}px`;
        element.style.width = `${wide}px`;
        element.style.top = `${this.lanes[row][index] * high}px`;
        bars.push(element);
      });
      track.replaceChildren(...bars);
      if (focused) track.querySelector(`[data-index="${focused}"]`)?.focus({preventScroll: true});
    }

    bar(row, segment, index, wide, lane) {
      const element = document.createElement('button');
      element.type = 'button';
      element.className = 'segment';
      element.dataset.row = row;
      element.dataset.index = index;
      element.tabIndex = row === 'others' ? -1 : 0;
      element.style.height = `${lane}px`;
      const wrong = segment.kind && segment.kind !== 'correct';
      if (wrong) element.dataset.kind = segment.kind;
      if (this.chosen?.row === row && this.chosen.index === index) element.classList.add('chosen');
      if (this.highlight !== null && this.highlight !== segment.label) element.classList.add('dim');
      element.setAttribute('aria-label', this.describe(row, segment));
      const name = document.createElement('span');
      name.className = 'name';
      Looks.dress(name, segment.label);
      if (wide > 26 && lane > THIN) {
        const words = document.createElement('span');
        words.textContent = this.classes[segment.label];
        if (Looks.hatch(segment.label) && segment.kind !== 'missed')
          words.style.background = Looks.color(segment.label);
        name.append(words);
      }
      element.append(name);
      if (wrong) {
        const mark = document.createElement('span');
        mark.className = 'mark';
        mark.textContent = Looks.MARKS[segment.kind];
        if (wide > 74) mark.textContent += ` ${segment.kind}`;
        element.append(mark);
      }
      return element;
    }

    // Returns a description of a segment.
    describe(row, segment) {
      const {fps} = this.recording, at = frame => clock(frame / fps, 2);
      const parts = [`${this.classes[segment.label]}, ${at(segment.start)} to ${at(segment.end)} s`];
      if (row !== 'truth') parts.push(`score ${segment.score.toFixed(2)}`);
      if (segment.kind) parts.push(this.explain(row, segment));
      return parts.join(' · ');
    }

    explain(row, segment) {
      const other = this.recording[row === 'truth' ? 'found' : 'truth'][segment.partner];
      const {fps} = this.recording;
      if (segment.kind === 'wrong label') {
        const name = this.classes[other.label];
        return row === 'truth' ? `wrong label: predicted as ${name}` : `wrong label: true class ${name}`;
      }
      if (segment.kind !== 'boundary off') return segment.kind;
      const [found, truth] = row === 'truth' ? [other, segment] : [segment, other];
      const offset = (frames, early, late) =>
        `${(Math.abs(frames) / fps).toFixed(2)} s ${frames < 0 ? early : late}`;
      return `boundary off: starts ${offset(found.start - truth.start, 'early', 'late')}, ` +
        `ends ${offset(found.end - truth.end, 'early', 'late')}`;
    }

    choose(row, index) {
      this.chosen = {row, index};
      for (const each of ROWS) this.drawRow(each);
      return this.tracks[row].querySelector(`[data-index="${index}"]`);
    }

    listen() {
      const scrub = event => this.on.seek(this.frameAt(event.clientX));
      let drag = null;
      this.root.addEventListener('pointerdown', event => {
        if (!this.recording || event.button || !event.target.closest('.track')) return;
        const segment = event.target.closest('.segment');
        drag = {x: event.clientX, segment, track: event.target.closest('.track')};
        if (!segment) {
          drag.track.setPointerCapture(event.pointerId);
          scrub(event);
        }
      });
      this.root.addEventListener('pointermove', event => {
        if (!this.recording) return;
        this.pointAt(event);
        if (drag && !drag.segment) scrub(event);
      });
      const release = () => { drag = null; };
      this.root.addEventListener('pointerup', release);
      this.root.addEventListener('pointercancel', release);
      this.root.addEventListener('pointerleave', () => this.pointAt(null));
      this.root.addEventListener('click', event => {
        const segment = event.target.closest('.segment');
        if (segment) this.on.choose(segment.dataset.row, Number(segment.dataset.index));
      });
      this.root.addEventListener('focusin', event => {
        const segment = event.target.closest('.segment');
        if (segment?.matches(':focus-visible')) this.showTip(segment, segment.getBoundingClientRect());
      });
      this.root.addEventListener('focusout', () => this.on.tip(null));
      this.root.addEventListener('wheel', event => {
        if (!this.recording || !event.target.closest('.track')) return;
        const sideways = event.deltaX || (event.shiftKey && event.deltaY);
        if (!event.ctrlKey && !sideways) return;
        event.preventDefault();
        if (event.ctrlKey) this.zoom(Math.exp(event.deltaY * 0.002), this.frameAt(event.clientX));
        else this.move(this.from + sideways / this.width * (this.to - this.from));
      }, {passive: false});
    }

    pointAt(event) {
      const track = event?.target.closest('.track');
      this.hover.hidden = !track;
      if (!track) return this.on.tip(null);
      const frame = this.frameAt(event.clientX), segment = event.target.closest('.segment');
      this.hover.style.transform = `translateX(${this.left + this.x(frame + 0.5)}px)`;
      const at = {left: event.clientX, right: event.clientX, top: event.clientY, bottom: event.clientY};
      if (segment) return this.showTip(segment, at);
      const time = `${clock(frame / this.recording.fps, 2)} s · frame ${frame}`;
      const curve = track.id === 'curves' && this.on.curveAt(event.clientY, frame);
      this.on.tip(curve ? `${curve} · ${time}` : time, at);
    }

    showTip(element, at) {
      const {row, index} = element.dataset;
      this.on.tip(this.describe(row, this.recording[row][Number(index)]), at);
    }
  }

  return {Timeline, clock, lanes};
})();
