// One filled curve of scores per class, with its true segments shaded behind.
const Curves = (() => {
  const HIGH = 26;
  const NARROW = 560;  // pixels; below this width, names are drawn inside the rows

  // Resizes a canvas to its box, in device pixels, and clears it.
  function fit(canvas, box, height = box.clientHeight) {
    const dots = window.devicePixelRatio || 1, width = box.clientWidth;
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(height * dots);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    context.setTransform(dots, 0, 0, dots, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  // Returns the classes to show: true, predicted, or with a peak above 10 %; at most 24.
  function classesToShow(recording, count) {
    const value = new Float64Array(count);
    (recording.scores || []).forEach((row, label) => {
      let peak = 0;
      for (const score of row) if (score > peak) peak = score;
      if (peak > 25) value[label] = peak / 255;
    });
    for (const {label} of recording.found) value[label] += 1;
    for (const {label} of recording.truth || []) value[label] += 2;
    const order = [...value.keys()].filter(label => value[label] > 0);
    return order.sort((a, b) => value[b] - value[a]).slice(0, 24).sort((a, b) => a - b);
  }

  class Curves {
    constructor(timeline) {
      this.timeline = timeline;
      this.box = document.getElementById('curves');
      this.names = document.getElementById('curve-names');
      this.highlight = null;
    }

    show(recording, classes, labels) {
      this.recording = recording;
      this.classes = classes;
      this.labels = recording.scores ? labels : [];
      this.box.hidden = this.names.hidden = !this.labels.length;
      this.names.replaceChildren(...this.labels.map(label => {
        const name = document.createElement('span');
        name.append(Looks.swatch(label), classes[label]);
        name.title = classes[label];
        name.style.height = `${HIGH}px`;
        return name;
      }));
      this.draw();
    }

    draw() {
      if (!this.recording || !this.labels.length) return;
      const {timeline, recording} = this;
      const context = fit(this.box.firstElementChild, this.box, HIGH * this.labels.length);
      const style = getComputedStyle(document.documentElement);
      const get = name => style.getPropertyValue(name).trim();
      const [paper, ink, faint] = [get('--paper'), get('--ink'), get('--line')];
      const width = timeline.width, narrow = timeline.root.clientWidth < NARROW;
      this.labels.forEach((label, place) => {
        const base = (place + 1) * HIGH - 1, tall = HIGH - 6;
        const strong = this.highlight === null || this.highlight === label;
        context.globalAlpha = 1;
        context.fillStyle = faint;
        context.fillRect(0, base, width, 1);
        const color = Looks.line(label, paper, ink);
        context.globalAlpha = strong ? 0.16 : 0.05;
        context.fillStyle = color;
        for (const segment of recording.truth || []) {
          if (segment.label !== label) continue;
          const [from, to] = [timeline.x(segment.start), timeline.x(segment.end)];
          context.fillRect(from, base - tall - 2, to - from, tall + 2);
        }
        const line = this.outline(recording.scores[label], width, base, tall);
        context.globalAlpha = strong ? 0.42 : 0.12;
        const area = new Path2D(line);
        area.lineTo(width, base);
        area.lineTo(0, base);
        context.fill(area);
        context.globalAlpha = strong ? 1 : 0.3;
        context.strokeStyle = color;
        context.lineWidth = 1.4;
        context.stroke(line);
        if (narrow) {
          context.globalAlpha = 1;
          context.font = '11px system-ui, sans-serif';
          context.lineWidth = 3;
          context.strokeStyle = paper;
          context.strokeText(this.classes[label], 4, base - tall + 7);
          context.fillStyle = ink;
          context.fillText(this.classes[label], 4, base - tall + 7);
        }
      });
      context.globalAlpha = 1;
    }

    // Draws the maximum score of each pixel, so that no peak is lost between samples.
    outline(scores, width, base, tall) {
      const {from, to} = this.timeline, path = new Path2D();
      const each = (to - from) / width;
      for (let x = 0; x <= width; x++) {
        const begin = Math.min(scores.length - 1, Math.floor(from + x * each));
        const end = Math.min(scores.length, Math.max(begin + 1, Math.floor(from + (x + 1) * each)));
        let peak = 0;
        for (let frame = begin; frame < end; frame++) if (scores[frame] > peak) peak = scores[frame];
        const y = base - peak / 255 * tall;
        if (x) path.lineTo(x, y);
        else path.moveTo(x, y);
      }
      return path;
    }

    // Returns class and score of the curve under the pointer.
    at(clientY, frame) {
      const y = clientY - this.box.getBoundingClientRect().top;
      const label = this.labels[Math.floor(y / HIGH)];
      if (label === undefined) return '';
      return `${this.classes[label]} ${(this.recording.scores[label][frame] / 255).toFixed(2)}`;
    }
  }

  return {Curves, fit, classesToShow};
})();
