// The 3-D view: floor, shadows, path and bodies, and pointer input.
const Stage = (() => {
  class Stage {
    constructor(canvas) {
      this.canvas = canvas;
      this.context = canvas.getContext('2d');
      this.shade = document.createElement('canvas');
      this.camera = new Camera();
      this.frame = 0;
      this.follow = true;
      this.trail = false;
      this.recording = null;
      this.pointers = new Map();
      this.listen();
      new ResizeObserver(() => this.resize()).observe(canvas);
    }

    // Shows a recording whose joints and states are decoded.
    show(recording, frame) {
      this.recording = recording;
      this.frame = frame;
      this.body = recording.body;
      this.size = this.body.joints.length;
      this.reset('front');
    }

    at(person, joint, frame = this.frame) {
      const begin = ((frame * this.recording.persons + person) * this.size + joint) * 3;
      return this.recording.joints.subarray(begin, begin + 3);
    }

    state(person, joint, frame = this.frame) {
      return this.recording.states[(frame * this.recording.persons + person) * this.size + joint];
    }

    present(person, frame = this.frame) {
      return this.body.drawn.some((drawn, joint) => drawn && this.state(person, joint, frame));
    }

    anyPerson(frame = this.frame) {
      for (let person = 0; person < this.recording.persons; person++)
        if (this.present(person, frame)) return true;
      return false;
    }

    center(person, frame) {
      const sum = [0, 0, 0];
      for (const joint of this.body.center) {
        const point = this.at(person, joint, frame);
        for (let i = 0; i < 3; i++) sum[i] += point[i] / this.body.center.length;
      }
      return sum;
    }

    // Returns the mean center of the persons in a frame, null without any.
    middle(frame) {
      let count = 0;
      const sum = [0, 0, 0];
      for (let person = 0; person < this.recording.persons; person++) {
        if (!this.present(person, frame)) continue;
        const point = this.center(person, frame);
        count++;
        for (let i = 0; i < 3; i++) sum[i] += point[i];
      }
      return count ? sum.map(part => part / count) : null;
    }

    // Moves the camera to the front, side or top view with the whole body visible.
    reset(view) {
      const {camera, body} = this;
      const turns = {front: 0.35, side: Math.PI / 2, top: 0};
      this.view = view;
      camera.turn = body.facing + turns[view];
      camera.tilt = view === 'top' ? Math.PI / 2 - 0.01 : view === 'side' ? 0.06 : 0.2;
      let widest = 0;
      const middle = this.middle(this.frame) || this.anyMiddle() || [0, body.floor + body.height / 2, 0];
      for (let person = 0; person < this.recording.persons; person++) {
        if (!this.present(person)) continue;
        const point = this.center(person, this.frame);
        widest = Math.max(widest, Math.hypot(point[0] - middle[0], point[2] - middle[2]));
      }
      camera.distance = 2.85 * body.height + 3 * widest;
      camera.target = [middle[0], body.floor + 0.56 * body.height, middle[2]];
      this.draw();
    }

    anyMiddle() {
      for (let frame = 0; frame < this.recording.frames; frame++)
        if (this.anyPerson(frame)) return this.middle(frame);
      return null;
    }

    seek(frame) {
      this.frame = frame;
      const middle = this.follow && this.middle(frame);
      if (middle) {
        // The camera moves only when the body leaves a zone around the target.
        const [dx, dz] = [middle[0] - this.camera.target[0], middle[2] - this.camera.target[2]];
        const away = Math.hypot(dx, dz), free = 0.18 * this.body.height;
        if (away > free) {
          this.camera.target[0] += dx * (1 - free / away);
          this.camera.target[2] += dz * (1 - free / away);
        }
      }
      this.draw();
    }

    resize() {
      const {clientWidth, clientHeight} = this.canvas;
      const dots = window.devicePixelRatio || 1;
      this.canvas.width = Math.round(clientWidth * dots);
      this.canvas.height = Math.round(clientHeight * dots);
      this.draw();
    }

    colors() {
      const style = getComputedStyle(document.documentElement);
      const get = name => style.getPropertyValue(name).trim();
      const [left, right, torso] = [get('--left'), get('--right'), get('--torso')];
      return {
        parts: [torso, left, right, left, right], paper: get('--stage'), shine: get('--shine'),
        shadow: get('--shadow'), grid: get('--grid'), trail: get('--accent'), ink: get('--ink'),
      };
    }

    draw() {
      const {clientWidth: width, clientHeight: height} = this.canvas;
      if (!this.recording || !width || !height) return;
      const {context, camera, recording, body} = this;
      const dots = this.canvas.width / width;
      this.tints ||= this.colors();
      context.setTransform(dots, 0, 0, dots, 0, 0);
      context.clearRect(0, 0, width, height);
      camera.aim(width, height);
      this.drawFloor();
      if (this.trail) this.drawTrail();
      this.drawShadows(dots);
      const pieces = [];
      for (let person = 0; person < recording.persons; person++) {
        if (!this.present(person)) continue;
        const at = joint => this.at(person, joint), state = joint => this.state(person, joint);
        pieces.push(...Skeleton.pieces(context, camera, body, at, state, this.tints, person ? 0.75 : 1));
        if (recording.persons > 1) pieces.push(this.number(person));
      }
      pieces.sort((a, b) => b.depth - a.depth);
      for (const piece of pieces) piece.draw();
    }

    // Shadows are drawn on a separate canvas, so that overlapping ones are not darker.
    drawShadows(dots) {
      const {shade, canvas, context} = this, layer = shade.getContext('2d');
      shade.width = canvas.width;
      shade.height = canvas.height;
      layer.scale(dots, dots);
      for (let person = 0; person < this.recording.persons; person++) {
        if (!this.present(person)) continue;
        const at = joint => this.at(person, joint), state = joint => this.state(person, joint);
        Skeleton.shadow(layer, this.camera, this.body, this.body.floor, at, state, this.tints);
      }
      context.save();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.globalAlpha = 0.35;
      context.filter = `blur(${2.5 * dots}px)`;
      context.drawImage(shade, 0, 0);
      context.restore();
    }

    number(person) {
      const point = this.center(person, this.frame);
      const [x, y, depth] = this.camera.project(point[0], this.body.floor + 1.12 * this.body.height, point[2]);
      return {depth, draw: () => {
        this.context.fillStyle = this.tints.ink;
        this.context.font = '600 13px system-ui, sans-serif';
        this.context.textAlign = 'center';
        this.context.fillText(String(person + 1), x, y);
      }};
    }

    // A grid of 0.5 m tiles that fades out; for other units, tiles of 2/7 of the height.
    drawFloor() {
      const {context, camera, body} = this;
      const tile = body.height > 0.8 && body.height < 3 ? 0.5 : body.height / 3.5;
      const reach = 9;
      const [cx, cz] = [0, 2].map(i => Math.round(camera.target[i] / tile) * tile);
      context.strokeStyle = this.tints.grid;
      context.lineWidth = 1;
      for (let i = -reach; i <= reach; i++) {
        for (let j = -reach; j < reach; j++) {
          const far = Math.hypot(i, j + 0.5) / reach;
          if (far > 1) continue;
          context.globalAlpha = (1 - far) ** 1.3;
          this.floorLine(cx + i * tile, cz + j * tile, cx + i * tile, cz + (j + 1) * tile);
          this.floorLine(cx + j * tile, cz + i * tile, cx + (j + 1) * tile, cz + i * tile);
        }
      }
      context.globalAlpha = 1;
    }

    floorLine(x, z, toX, toZ) {
      const {context, camera, body} = this;
      const [from, to] = [camera.project(x, body.floor, z), camera.project(toX, body.floor, toZ)];
      if (from[2] < 0.1 || to[2] < 0.1) return;
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0], to[1]);
      context.stroke();
    }

    // Draws the path of every root on the floor, the last three seconds emphasized.
    drawTrail() {
      const {context, recording} = this;
      const last = Math.round(3 * recording.fps), jump = Math.max(1, Math.floor(recording.frames / 4000));
      context.strokeStyle = this.tints.trail;
      context.lineJoin = 'round';
      for (let person = 0; person < recording.persons; person++) {
        context.globalAlpha = 0.3;
        context.lineWidth = 1.2;
        this.path(person, 0, recording.frames - 1, jump);
        context.globalAlpha = 0.9;
        context.lineWidth = 2.5;
        this.path(person, Math.max(0, this.frame - last), this.frame, 1);
      }
      context.globalAlpha = 1;
    }

    path(person, from, to, jump) {
      const {context, camera, body} = this;
      let down = false;
      context.beginPath();
      for (let frame = from; frame <= to; frame += jump) {
        const there = this.present(person, frame);
        const point = there && this.center(person, frame);
        const [x, y, depth] = there ? camera.project(point[0], body.floor, point[2]) : [0, 0, 0];
        if (depth < 0.1) down = false;
        else if (down) context.lineTo(x, y);
        else { context.moveTo(x, y); down = true; }
      }
      context.stroke();
    }

    listen() {
      const {canvas, pointers, camera} = this;
      canvas.addEventListener('pointerdown', event => {
        canvas.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, [event.clientX, event.clientY]);
      });
      canvas.addEventListener('pointermove', event => {
        const before = pointers.get(event.pointerId);
        if (!before || !this.recording) return;
        const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
        const distance = () => {
          const [a, b] = [...pointers.values()];
          return Math.hypot(a[0] - b[0], a[1] - b[1]);
        };
        if (pointers.size > 1) {
          const old = distance();
          pointers.set(event.pointerId, [event.clientX, event.clientY]);
          camera.near(old / Math.max(distance(), 1), this.body.height);
        } else {
          pointers.set(event.pointerId, [event.clientX, event.clientY]);
          if (event.shiftKey || event.buttons === 2) camera.shift(dx, dy);
          else camera.rotate(-dx * 0.008, dy * 0.006);
        }
        this.draw();
      });
      const release = event => pointers.delete(event.pointerId);
      canvas.addEventListener('pointerup', release);
      canvas.addEventListener('pointercancel', release);
      canvas.addEventListener('contextmenu', event => event.preventDefault());
      canvas.addEventListener('dblclick', () => this.recording && this.reset('front'));
      canvas.addEventListener('wheel', event => {
        // If the page scrolls, zoom only with Ctrl: otherwise the canvas would block scrolling.
        const scrolls = document.documentElement.scrollHeight > innerHeight + 4;
        if (!this.recording || (scrolls && !event.ctrlKey)) return;
        event.preventDefault();
        camera.near(Math.exp(event.deltaY * 0.0012), this.body.height);
        this.draw();
      }, {passive: false});
    }
  }

  return Stage;
})();
