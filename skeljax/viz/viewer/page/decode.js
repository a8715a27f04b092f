// Decodes the arrays from encode.py: base64, deflated differences along time.
const Decode = (() => {
  async function bytes(id) {
    const text = atob(document.getElementById(id).textContent);
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // Returns Float32Array [frames, persons x joints x 3] in meters.
  async function joints(id, {frames, body}) {
    const raw = await bytes(id);
    const count = raw.length / 2;
    const channels = count / frames;
    const meters = new Float32Array(count);
    for (let channel = 0; channel < channels; channel++) {
      const origin = body.origin[channel % 3];
      let value = 0;
      for (let frame = 0, at = channel * frames; frame < frames; frame++, at++) {
        // Differences are modulo 2^16; `<< 16 >> 16` sign-extends the low 16 bits.
        value = ((value + raw[at] + (raw[count + at] << 8)) << 16) >> 16;
        meters[frame * channels + channel] = origin + body.step * value;
      }
    }
    return meters;
  }

  // Returns Uint8Array [frames, persons x joints]: 0 absent, 1 not measured, 2 measured.
  async function states(id, {frames}) {
    const raw = await bytes(id);
    const channels = raw.length / frames;
    const byFrame = new Uint8Array(raw.length);
    for (let channel = 0; channel < channels; channel++)
      for (let frame = 0; frame < frames; frame++)
        byFrame[frame * channels + channel] = raw[channel * frames + frame];
    return byFrame;
  }

  // Returns one Uint8Array [frames] per class; 255 is probability 1.
  async function scores(id, {frames}) {
    const raw = await bytes(id);
    const rows = [];
    for (let begin = 0; begin < raw.length; begin += frames) {
      const row = raw.subarray(begin, begin + frames);
      for (let frame = 1; frame < frames; frame++) row[frame] += row[frame - 1];
      rows.push(row);
    }
    return rows;
  }

  // Returns the frame ranges [start, end) in which no person is present.
  function gaps({frames}, states) {
    const runs = [], size = states.length / frames;
    for (let frame = 0; frame < frames; frame++) {
      const empty = states.subarray(frame * size, (frame + 1) * size).every(state => !state);
      const last = runs.at(-1);
      if (empty && last && last[1] === frame) last[1]++;
      else if (empty) runs.push([frame, frame + 1]);
    }
    return runs;
  }

  return {joints, states, scores, gaps};
})();
