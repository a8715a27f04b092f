// Draws one body: limbs from back to front, each with an outline in the background color.
const Skeleton = (() => {
  const WIDTHS = [0.032, 0.021, 0.021, 0.027, 0.027];  // torso, arms, legs; in body heights
  const HEAD = 0.062;

  // Returns the parts to draw as {depth, draw}; `at` returns [x, y, z] of a joint.
  function pieces(context, camera, body, at, state, colors, alpha) {
    const list = [];
    const points = body.joints.map((_, joint) => state(joint) ? camera.project(...at(joint)) : null);
    const width = (part, depth) => Math.max(1.2, WIDTHS[part] * body.height * camera.scale(depth));
    body.parents.forEach((parent, joint) => {
      if (parent < 0 || !body.drawn[parent] || !body.drawn[joint]) return;
      const [from, to] = [points[parent], points[joint]];
      if (!from || !to || from[2] < 0.1 || to[2] < 0.1) return;
      const depth = (from[2] + to[2]) / 2, part = body.parts[joint];
      const known = state(parent) === 2 && state(joint) === 2;
      list.push({depth, draw: () => limb(context, from, to, width(part, depth), colors, part, known, alpha)});
    });
    if (body.head.length && body.head.every(joint => points[joint]?.[2] > 0.1)) {
      const mean = axis => body.head.reduce((sum, joint) => sum + points[joint][axis], 0) / body.head.length;
      const [x, y, depth] = [mean(0), mean(1), mean(2)];
      const radius = HEAD * body.height * camera.scale(depth);
      const known = body.head.every(joint => state(joint) === 2);
      list.push({depth: depth - 0.01, draw: () => ball(context, x, y, radius, colors, known, alpha)});
    }
    return list;
  }

  function limb(context, from, to, width, colors, part, known, alpha) {
    const stroke = (style, thick) => {
      context.strokeStyle = style;
      context.lineWidth = thick;
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0], to[1]);
      context.stroke();
    };
    context.lineCap = 'butt';  // a round outline would cut into the adjacent limb
    context.globalAlpha = alpha;
    if (known) {
      stroke(colors.paper, width + 4);
      context.lineCap = 'round';
      stroke(colors.parts[part], width);
      context.globalAlpha = 0.28 * alpha;
      stroke(colors.shine, width * 0.35);
    } else {
      context.globalAlpha = 0.45 * alpha;
      context.setLineDash([width * 0.7 + 1, width * 0.5 + 2]);
      stroke(colors.parts[part], width * 0.6);
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
  }

  function ball(context, x, y, radius, colors, known, alpha) {
    context.globalAlpha = (known ? 1 : 0.4) * alpha;
    context.fillStyle = colors.parts[0];
    context.strokeStyle = colors.paper;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.globalAlpha = (known ? 0.18 : 0.08) * alpha;
    context.fillStyle = colors.shine;
    context.beginPath();
    context.arc(x - radius * 0.28, y - radius * 0.3, radius * 0.45, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  }

  // Light from straight above: a stroke on the floor below every limb, without overlaps.
  function shadow(context, camera, body, floor, at, state, colors) {
    context.strokeStyle = colors.shadow;
    context.lineCap = 'round';
    body.parents.forEach((parent, joint) => {
      if (parent < 0 || !body.drawn[parent] || !body.drawn[joint]) return;
      if (!state(parent) || !state(joint)) return;
      const [a, b] = [at(parent), at(joint)];
      const [from, to] = [camera.project(a[0], floor, a[2]), camera.project(b[0], floor, b[2])];
      if (from[2] < 0.1 || to[2] < 0.1) return;
      context.lineWidth = 0.06 * body.height * camera.scale((from[2] + to[2]) / 2);
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0] + 0.01, to[1]);
      context.stroke();
    });
  }

  return {pieces, shadow};
})();
