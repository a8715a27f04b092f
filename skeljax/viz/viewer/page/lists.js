// The lists beside the skeleton view: recordings, segments, classes.
const Lists = (() => {
  const make = (tag, className, text = '') => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  };
  const percent = share => `${Math.round(100 * share)} %`;
  const wrong = kind => Boolean(kind) && kind !== 'correct';

  // Counts the kinds of predicted segments, and the missed true ones.
  function count(recording) {
    const counts = {};
    for (const segment of recording.found) counts[segment.kind] = (counts[segment.kind] || 0) + 1;
    const missed = (recording.truth || []).filter(segment => segment.kind === 'missed').length;
    if (missed) counts.missed = missed;
    return counts;
  }

  // Returns predicted and missed segments by time, as {row, index, segment}.
  function listed(recording) {
    const items = recording.found.map((segment, index) => ({row: 'found', index, segment}));
    (recording.truth || []).forEach((segment, index) => {
      if (segment.kind === 'missed') items.push({row: 'truth', index, segment});
    });
    return items.sort((a, b) => a.segment.start - b.segment.start || a.segment.end - b.segment.end);
  }

  class Recordings {
    constructor(recordings, onChoose) {
      this.recordings = recordings;
      this.onChoose = onChoose;
      this.list = document.getElementById('recording-list');
      this.sort = document.getElementById('sort');
      this.search = document.getElementById('search');
      const known = recordings.some(recording => recording.error !== null);
      this.sort.value = known ? 'error' : 'name';
      this.sort.querySelector('[value=error]').disabled = !known;
      this.search.hidden = recordings.length < 8;
      document.getElementById('recordings').hidden = recordings.length < 2;
      this.sort.addEventListener('change', () => this.draw());
      this.search.addEventListener('input', () => this.draw());
    }

    // Returns the indices of the matching recordings in the order of the list.
    order() {
      const all = this.recordings, query = this.search.value.trim().toLowerCase();
      const by = {
        error: (a, b) => (all[b].error ?? -1) - (all[a].error ?? -1),
        name: (a, b) => all[a].name.localeCompare(all[b].name, undefined, {numeric: true}),
        length: (a, b) => all[b].frames / all[b].fps - all[a].frames / all[a].fps,
      };
      return [...all.keys()]
        .filter(at => all[at].name.toLowerCase().includes(query))
        .sort((a, b) => by[this.sort.value](a, b) || by.name(a, b));
    }

    draw(current = this.current) {
      this.current = current;
      this.list.replaceChildren(...this.order().map(at => {
        const {name, error, frames, fps} = this.recordings[at];
        const item = make('li', ''), button = make('button', 'recording');
        button.type = 'button';
        if (at === current) button.setAttribute('aria-current', 'true');
        button.append(make('span', 'name', name));
        const unit = frames / fps < 60 ? ' s' : '';
        const summary = make('span', 'quiet', Timeline.clock(frames / fps, 1) + unit);
        if (error !== null) {
          button.append(make('span', 'error', percent(error)));
          const bar = make('span', 'meter');
          bar.style.setProperty('--share', error);
          const errors = Object.entries(count(this.recordings[at]))
            .filter(([kind]) => wrong(kind)).map(([kind, n]) => `${n} ${kind}`);
          summary.append(` · ${errors.join(', ') || 'all correct'}`);
          button.append(summary, bar);
        } else button.append(summary);
        button.addEventListener('click', () => this.onChoose(at));
        item.append(button);
        return item;
      }));
    }
  }

  class Segments {
    constructor(kinds, classes, onChoose) {
      this.kinds = kinds;
      this.classes = classes;
      this.onChoose = onChoose;
      this.only = null;
      this.list = document.getElementById('segment-list');
      this.filter = document.getElementById('kinds');
      this.right = document.getElementById('right');
    }

    show(recording) {
      this.recording = recording;
      this.only = null;
      const correct = recording.found.filter(segment => segment.kind === 'correct').length;
      this.right.textContent = recording.truth
        ? `${correct} of ${recording.truth.length} correct` : `${recording.found.length} predicted`;
      this.draw();
    }

    draw() {
      const counts = count(this.recording), {fps} = this.recording;
      const kinds = this.kinds.filter(kind => counts[kind]);
      if (this.only && !counts[this.only]) this.only = null;
      this.filter.replaceChildren(...kinds.map(kind => {
        const chip = make('button', 'chip', `${Looks.MARKS[kind]} ${kind} ${counts[kind]}`);
        chip.type = 'button';
        chip.classList.toggle('wrong', wrong(kind));
        chip.setAttribute('aria-pressed', String(this.only === kind));
        chip.addEventListener('click', () => {
          this.only = this.only === kind ? null : kind;
          this.draw();
        });
        return chip;
      }));
      const items = listed(this.recording).filter(({segment}) => !this.only || segment.kind === this.only);
      this.buttons = items.map(({row, index, segment}) => {
        const item = make('li', ''), button = make('button', 'line');
        button.type = 'button';
        Object.assign(button.dataset, {row, index, start: segment.start, end: segment.end});
        const name = make('span', 'name', this.classes[segment.label]);
        button.append(Looks.swatch(segment.label), name);
        const [start, end] = [segment.start, segment.end].map(f => Timeline.clock(f / fps, 1));
        button.append(make('span', 'span quiet', `${start}–${end}`));
        if (segment.kind) {
          const mark = make('span', wrong(segment.kind) ? 'kind wrong' : 'kind', Looks.MARKS[segment.kind]);
          mark.title = segment.kind;
          mark.append(make('span', 'hidden', ` ${segment.kind}`));
          button.append(mark);
        } else button.append(make('span', 'kind quiet', segment.score.toFixed(2)));
        button.addEventListener('click', () => this.onChoose(row, index));
        item.append(button);
        return item;
      });
      this.list.replaceChildren(...this.buttons);
      if (!items.length) this.list.append(make('li', 'quiet', 'no segments'));
    }

    seek(frame) {
      for (const item of this.buttons) {
        const {start, end} = item.firstElementChild.dataset;
        item.classList.toggle('here', frame >= Number(start) && frame < Number(end));
      }
    }

    reveal(row, index) {
      const button = this.list.querySelector(`[data-row="${row}"][data-index="${index}"]`);
      const box = this.list;
      if (!button || box.scrollHeight <= box.clientHeight) return;
      const top = button.offsetTop - box.offsetTop;
      if (top < box.scrollTop || top + 30 > box.scrollTop + box.clientHeight)
        box.scrollTop = top - box.clientHeight / 2;
    }
  }

  class Classes {
    // `onHighlight(label or null)`.
    constructor(classes, onHighlight) {
      this.classes = classes;
      this.onHighlight = onHighlight;
      this.list = document.getElementById('class-list');
      this.note = document.getElementById('classes-note');
    }

    show(recording, labels) {
      this.recording = recording;
      this.highlight = null;
      const scored = Boolean(recording.scores);
      const left = this.classes.length - labels.length;
      this.note.textContent = (scored ? 'score now' : '') +
        (left ? `${scored ? '; ' : ''}${left} not shown` : '');
      this.bars = [];
      this.list.replaceChildren(...labels.map(label => {
        const item = make('li', ''), button = make('button', 'line');
        button.type = 'button';
        button.setAttribute('aria-pressed', 'false');
        button.append(Looks.swatch(label), make('span', 'name', this.classes[label]));
        if (scored) {
          const value = make('span', 'value quiet'), bar = make('span', 'meter');
          bar.style.setProperty('--color', Looks.color(label));
          button.append(value, bar);
          this.bars.push({label, value, bar});
        }
        button.addEventListener('click', () => this.toggle(label));
        button.dataset.label = label;
        item.append(button);
        return item;
      }));
    }

    toggle(label) {
      this.highlight = this.highlight === label ? null : label;
      for (const button of this.list.querySelectorAll('button'))
        button.setAttribute('aria-pressed', String(Number(button.dataset.label) === this.highlight));
      this.onHighlight(this.highlight);
    }

    seek(frame) {
      for (const {label, value, bar} of this.bars) {
        const score = this.recording.scores[label][frame] / 255;
        value.textContent = score.toFixed(2);
        bar.style.setProperty('--share', score);
      }
    }
  }

  // Shows the segments of a frame as chips in `place`; rebuilds them only when they change.
  function now(place, {name, classes, segments, frame, scored}) {
    const here = segments.filter(({start, end}) => start <= frame && frame < end);
    const key = here.map(segment => segments.indexOf(segment)).join();
    if (place.dataset.key === `${name} ${key}`) return;
    place.dataset.key = `${name} ${key}`;
    place.replaceChildren(...here.map(segment => {
      const chip = make('span', 'now-chip');
      chip.append(Looks.swatch(segment.label), classes[segment.label]);
      if (scored) chip.append(make('span', 'quiet', segment.score.toFixed(2)));
      if (wrong(segment.kind)) chip.append(make('span', 'wrong', `${Looks.MARKS[segment.kind]} ${segment.kind}`));
      return chip;
    }));
    if (!here.length) place.append(make('span', 'quiet', '–'));
  }

  return {Recordings, Segments, Classes, count, listed, wrong, make, now};
})();
