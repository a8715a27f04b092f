// Draws one body: limbs from back to front, each with a rim that parts it from those behind.
const Skeleton = (() => {
  const RADII = [0.026, 0.017, 0.017, 0.022, 0.022];  // of torso, arms, legs; in body heights
  const HEAD = 0.052;

  // Lists what is to be drawn as {depth, draw}; `at` gives a joint's [x, y, z].
  function pieces(context, camera, body, at, state, colours, alpha) {
    const list = [];
    const points = body.joints.map((_, joint) => state(joint) ? camera.project(...at(joint)) : null);
    const width = (part, depth) => Math.max(1.2, RADII[part] * body.height * camera.scale(depth));
    body.parents.forEach((parent, joint) => {
      if (parent < 0 || !body.drawn[parent] || !body.drawn[joint]) return;
      const [from, to] = [points[parent], points[joint]];
      if (!from || !to || from[2] < 0.1 || to[2] < 0.1) return;
      const depth = (from[2] + to[2]) / 2, part = body.parts[joint];
      const known = state(parent) === 2 && state(joint) === 2;
      list.push({depth, draw: () => limb(context, from, to, width(part, depth), colours, part, known, alpha)});
    });
    if (body.head >= 0 && points[body.head] && points[body.head][2] > 0.1) {
      const [x, y, depth] = points[body.head];
      const radius = HEAD * body.height * camera.scale(depth);
      const known = state(body.head) === 2;
      list.push({depth: depth - 0.01, draw: () => ball(context, x, y, radius, colours, known, alpha)});
    }
    return list;
  }

  function limb(context, from, to, width, colours, part, known, alpha) {
    const stroke = (style, thick) => {
      context.strokeStyle = style;
      context.lineWidth = thick;
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0], to[1]);
      context.stroke();
    };
    context.lineCap = 'round';
    context.globalAlpha = alpha;
    if (known) {
      stroke(colours.paper, width + 3);
      stroke(colours.parts[part], width);
      context.globalAlpha = 0.28 * alpha;
      stroke(colours.shine, width * 0.35);
    } else {
      context.globalAlpha = 0.45 * alpha;
      context.lineCap = 'butt';
      context.setLineDash([width * 0.7 + 1, width * 0.5 + 2]);
      stroke(colours.parts[part], width * 0.6);
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
  }

  function ball(context, x, y, radius, colours, known, alpha) {
    context.globalAlpha = (known ? 1 : 0.4) * alpha;
    context.fillStyle = colours.parts[0];
    context.strokeStyle = colours.paper;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.globalAlpha = (known ? 0.18 : 0.08) * alpha;
    context.fillStyle = colours.shine;
    context.beginPath();
    context.arc(x - radius * 0.28, y - radius * 0.3, radius * 0.45, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  }

  // The light is straight above: a soft spot under every limb.
  function shadow(context, camera, body, floor, at, state, colours) {
    context.strokeStyle = colours.shadow;
    context.lineCap = 'round';
    body.parents.forEach((parent, joint) => {
      if (parent < 0 || !body.drawn[parent] || !body.drawn[joint]) return;
      if (!state(parent) || !state(joint)) return;
      const [a, b] = [at(parent), at(joint)];
      const [from, to] = [camera.project(a[0], floor, a[2]), camera.project(b[0], floor, b[2])];
      if (from[2] < 0.1 || to[2] < 0.1) return;
      const depth = (from[2] + to[2]) / 2;
      const high = Math.min(1, Math.max(0, ((a[1] + b[1]) / 2 - floor) / body.height));
      context.globalAlpha = 0.5 - 0.4 * high;
      context.lineWidth = (0.05 + 0.07 * high) * body.height * camera.scale(depth) * 0.8;
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0] + 0.01, to[1]);
      context.stroke();
    });
    context.globalAlpha = 1;
  }

  return {pieces, shadow};
})();
