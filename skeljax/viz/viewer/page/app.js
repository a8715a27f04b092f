// Connects the components: they all show the same recording and frame.
(() => {
  const get = id => document.getElementById(id);
  const data = JSON.parse(get('data').textContent);
  const {classes, recordings} = data;
  Looks.use(data.colors);

  const VIEWS = ['front', 'side', 'top'];
  const SPEEDS = [...get('speed').options].map(option => Number(option.value));
  let current = null;  // the recording on display
  let loading = 0;     // counts calls of load(); an outdated one must not call show()

  const stage = new Stage(get('stage'));
  const player = new Player(onFrame, onState);
  const timeline = new Timeline.Timeline({
    seek: frame => seek(frame),
    choose: (row, index) => choose(row, index),
    view: () => curves.draw(),
    tip: Tip.show,
    curveAt: (y, frame) => curves.at(y, frame),
  });
  const curves = new Curves.Curves(timeline);
  const recordingList = new Lists.Recordings(recordings, at => load(at));
  const segmentList = new Lists.Segments(data.kinds, classes, (row, index) => choose(row, index));
  const classList = new Lists.Classes(classes, highlight);

  // Decoded arrays are kept in the recording, so that it is decoded only once.
  async function load(at, frame = 0) {
    const request = ++loading, recording = recordings[at];
    player.pause();
    if (!recording.joints) {
      const id = name => `${name}-${at}`, has = recording.arrays.includes('scores');
      const [joints, states, scores] = await Promise.all([
        Decode.joints(id('joints'), recording), Decode.states(id('states'), recording),
        has ? Decode.scores(id('scores'), recording) : null,
      ]);
      Object.assign(recording, {joints, states, scores, gaps: Decode.gaps(recording, states)});
    }
    if (request === loading) show(at, frame);
  }

  function show(at, frame) {
    const recording = current = recordings[at];
    const labels = Curves.classesToShow(recording, classes.length);
    player.load(recording.frames, recording.fps, frame);
    setLoop(false);
    recordingList.draw(at);
    classList.show(recording, labels);
    segmentList.show(recording);
    timeline.highlight = curves.highlight = null;
    timeline.show(recording, classes);
    curves.show(recording, classes, labels);
    stage.show(recording, player.frame);
    const about = [
      recording.name, `${recording.frames} frames at ${Number(recording.fps.toFixed(2))} fps`,
    ];
    if (recording.persons > 1) about.push(`${recording.persons} persons`);
    about.push(`layout ${recording.body.layout}`);
    get('about').textContent = about.join(' · ');
    get('not-measured').hidden = !recording.states.includes(1);
    get('now-truth-row').hidden = !recording.truth;
    get('seconds-all').textContent = ((recording.frames - 1) / recording.fps).toFixed(2);
    get('frame-all').textContent = recording.frames - 1;
    for (const button of document.querySelectorAll('.transport .wrong'))
      button.hidden = !recording.truth;
    get('more').hidden = !recording.others.length;
    labelMore();
    get('chosen').textContent = '';
    onFrame(player.frame);
    remember();
    performance.mark('shown');
  }

  function onFrame(frame) {
    if (!current) return;
    stage.seek(frame);
    timeline.seek(frame);
    segmentList.seek(frame);
    classList.seek(frame);
    get('seconds').textContent = (frame / current.fps).toFixed(2);
    get('frame').textContent = frame;
    get('absent').hidden = stage.anyPerson();
    const {name, found, truth} = current;
    Lists.now(get('now-found'), {name, classes, segments: found, frame, scored: true});
    if (truth) Lists.now(get('now-truth'), {name, classes, segments: truth, frame, scored: false});
    if (!player.playing) remember();
  }

  function onState() {
    const button = get('play');
    button.classList.toggle('playing', player.playing);
    button.setAttribute('aria-label', player.playing ? 'Pause' : 'Play');
    if (current && !player.playing) remember();
  }

  function seek(frame) {
    if (player.loop && (frame < player.loop.start || frame >= player.loop.end)) setLoop(false);
    player.seek(frame);
  }

  // Jumps to a segment and shows its description.
  function choose(row, index) {
    const segment = current[row][index], wasLooping = Boolean(player.loop);
    if (segment.start < timeline.from || segment.end > timeline.to)
      timeline.move((segment.start + segment.end - timeline.to + timeline.from) / 2);
    const element = timeline.choose(row, index);
    player.loop = wasLooping ? segment : null;
    player.seek(segment.start);
    segmentList.reveal(row, index);
    get('chosen').textContent = timeline.describe(row, segment);
    return element;
  }

  function chosenSegment() {
    return timeline.chosen && current[timeline.chosen.row][timeline.chosen.index];
  }

  function setLoop(wanted) {
    const here = current.found.find(({start, end}) => start <= player.frame && player.frame < end);
    player.loop = wanted ? chosenSegment() || here || {start: 0, end: current.frames} : null;
    get('loop').setAttribute('aria-pressed', String(Boolean(player.loop)));
  }

  // Goes to the next (1) or previous (-1) segment in the row of the selected one.
  function step(direction) {
    const row = timeline.chosen?.row || 'found', segments = current[row];
    let index = timeline.chosen ? timeline.chosen.index + direction : nearest(segments, direction);
    index = Math.min(segments.length - 1, Math.max(0, index));
    if (!segments.length) return;
    const focused = document.activeElement?.classList.contains('segment');
    const element = choose(row, index);
    if (focused) element?.focus({preventScroll: true});
  }

  function nearest(segments, direction) {
    const after = segments.findIndex(({start}) => start > player.frame);
    if (direction > 0) return after < 0 ? segments.length - 1 : after;
    const before = segments.findLastIndex(({start}) => start < player.frame);
    return Math.max(0, before);
  }

  function stepError(direction) {
    const errors = Lists.listed(current).filter(({segment}) => Lists.wrong(segment.kind));
    if (!errors.length) return;
    const chosen = timeline.chosen;
    const at = errors.findIndex(
      ({row, index}) => row === chosen?.row && index === chosen.index);
    let next = at + direction;
    if (at < 0) {
      next = direction > 0
        ? errors.findIndex(({segment}) => segment.start >= player.frame)
        : errors.findLastIndex(({segment}) => segment.start < player.frame);
    }
    const {row, index} = errors[(next + errors.length) % errors.length] || errors[0];
    choose(row, index);
  }

  function stepRecording(direction) {
    const order = recordingList.order(), at = order.indexOf(recordings.indexOf(current));
    const next = order[at + direction];
    if (next !== undefined) load(next);
  }

  function highlight(label) {
    timeline.highlight = curves.highlight = label;
    timeline.draw();
  }

  function labelMore() {
    get('more').textContent = `${timeline.more ? 'Hide' : 'Show'} ${current.others.length} other proposals`;
    get('more').setAttribute('aria-pressed', String(timeline.more));
  }

  // Stores recording and frame in the URL.
  function remember() {
    const hash = `#recording=${encodeURIComponent(current.name)}&frame=${player.frame}`;
    if (location.hash !== hash) history.replaceState(null, '', hash);
  }

  function remembered() {
    const stored = new URLSearchParams(location.hash.slice(1));
    const at = recordings.findIndex(({name}) => name === stored.get('recording'));
    const frame = parseInt(stored.get('frame'), 10);
    return {at: at < 0 ? recordingList.order()[0] : at, frame: at < 0 || !(frame > 0) ? 0 : frame};
  }

  function press(id, wanted) {
    get(id).setAttribute('aria-pressed', String(wanted));
    stage[id] = wanted;
    if (id === 'follow' && wanted) stage.seek(player.frame);
    stage.draw();
  }

  function setSpeed(by) {
    const at = SPEEDS.indexOf(player.speed) + by;
    player.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))];
    get('speed').value = String(player.speed);
  }

  function turn(across, up, nearer = 1) {
    stage.camera.rotate(across, up);
    stage.camera.near(nearer, current.body.height);
    stage.draw();
  }

  const KEYS = {
    ' ': () => player.toggle(),
    'ArrowLeft': shift => hop(shift ? -current.fps : -1),
    'ArrowRight': shift => hop(shift ? current.fps : 1),
    'Home': () => hop(-Infinity),
    'End': () => hop(Infinity),
    'n': () => step(1),
    'p': () => step(-1),
    'e': shift => stepError(shift ? -1 : 1),
    'l': () => setLoop(!player.loop),
    '<': () => setSpeed(-1),
    '>': () => setSpeed(1),
    '[': () => stepRecording(-1),
    ']': () => stepRecording(1),
    '+': () => timeline.zoom(0.6),
    '=': () => timeline.zoom(0.6),
    '-': () => timeline.zoom(1 / 0.6),
    '0': () => timeline.move(0, current.frames),
    'a': () => turn(-0.15, 0),
    'd': () => turn(0.15, 0),
    'w': () => turn(0, 0.1),
    's': () => turn(0, -0.1),
    'z': () => turn(0, 0, 0.9),
    'x': () => turn(0, 0, 1 / 0.9),
    'v': () => stage.reset(VIEWS[(VIEWS.indexOf(stage.view) + 1) % VIEWS.length]),
    'f': () => press('follow', !stage.follow),
    't': () => press('trail', !stage.trail),
    '?': () => get('help').showModal(),
  };

  function hop(frames) {
    player.pause();
    seek(Math.min(current.frames - 1, Math.max(0, Math.round(player.frame + frames))));
  }

  document.addEventListener('keydown', event => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const typing = event.target.closest('input, select');
    const pressing = event.target.closest('button') && (key === ' ' || key === 'Enter');
    if (!current || typing || pressing || get('help').open) return;
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, key)) return;
    event.preventDefault();
    KEYS[key](event.shiftKey);
  });

  // After a mouse click, keys should control the page and not the clicked button.
  document.addEventListener('click', event => {
    if (event.detail && document.activeElement?.matches('button')) document.activeElement.blur();
  });

  const clicks = {
    'play': () => player.toggle(),
    'step-back': () => hop(-1),
    'step-on': () => hop(1),
    'error-before': () => stepError(-1),
    'error-next': () => stepError(1),
    'loop': () => setLoop(!player.loop),
    'follow': () => press('follow', !stage.follow),
    'trail': () => press('trail', !stage.trail),
    'zoom-in': () => timeline.zoom(0.6),
    'zoom-out': () => timeline.zoom(1 / 0.6),
    'zoom-all': () => timeline.move(0, current.frames),
    'more': () => { timeline.showMore(!timeline.more); labelMore(); },
    'help-open': () => get('help').showModal(),
    'help-close': () => get('help').close(),
    'theme': Theme.toggle,
  };
  for (const [id, action] of Object.entries(clicks)) get(id).addEventListener('click', action);
  for (const button of document.querySelectorAll('[data-view]'))
    button.addEventListener('click', () => stage.reset(button.dataset.view));
  get('speed').addEventListener('change', () => { player.speed = Number(get('speed').value); });
  get('help-kinds').append(...data.kinds.flatMap(kind => {
    const meaning = {
      'correct': `same class, tIoU of at least ${data.tiou}`,
      'missed': 'true segment without a matching prediction',
      'wrong label': 'overlaps only true segments of other classes',
      'boundary off': `same class, tIoU below ${data.tiou}`,
      'double': 'second prediction for a matched true segment',
      'false alarm': 'overlaps no true segment',
    }[kind];
    const term = Lists.make('dt', Lists.wrong(kind) ? 'wrong' : '', `${Looks.MARKS[kind]} ${kind}`);
    return [term, Lists.make('dd', '', meaning)];
  }));
  addEventListener('hashchange', () => {
    const {at, frame} = remembered();
    if (recordings[at] === current) seek(frame);
    else load(at, frame);
  });

  Theme.start(() => {
    stage.tints = null;
    stage.draw();
    if (current) timeline.draw();
  });
  const {at, frame} = remembered();
  load(at, frame).catch(error => {
    get('about').textContent = `This browser cannot show the page: ${error.message}`;
    throw error;
  });
})();
