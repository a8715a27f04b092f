// Reads the arrays that encode.py wrote: base64 of deflated differences along time.
const Decode = (() => {
  async function bytes(id) {
    const text = atob(document.getElementById(id).textContent);
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // Float32Array [frames, persons x joints x 3] in meters.
  async function joints(id, {frames, body}) {
    const raw = await bytes(id);
    const count = raw.length / 2;
    const channels = count / frames;
    const meters = new Float32Array(count);
    for (let channel = 0; channel < channels; channel++) {
      const origin = body.origin[channel % 3];
      let value = 0;
      for (let frame = 0, at = channel * frames; frame < frames; frame++, at++) {
        // Differences are modulo 2^16; `<< 16 >> 16` is the signed number of these bits.
        value = ((value + raw[at] + (raw[count + at] << 8)) << 16) >> 16;
        meters[frame * channels + channel] = origin + body.step * value;
      }
    }
    return meters;
  }

  // Uint8Array [frames, persons x joints]: 0 absent, 1 guessed, 2 measured.
  async function states(id, {frames}) {
    const raw = await bytes(id);
    const channels = raw.length / frames;
    const byFrame = new Uint8Array(raw.length);
    for (let channel = 0; channel < channels; channel++)
      for (let frame = 0; frame < frames; frame++)
        byFrame[frame * channels + channel] = raw[channel * frames + frame];
    return byFrame;
  }

  // One Uint8Array [frames] a class, 255 for certain.
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

  // [start, end) of the times in which nobody is seen.
  function gaps({frames}, states) {
    const runs = [], size = states.length / frames;
    for (let frame = 0; frame < frames; frame++) {
      const nobody = states.subarray(frame * size, (frame + 1) * size).every(state => !state);
      const last = runs.at(-1);
      if (nobody && last && last[1] === frame) last[1]++;
      else if (nobody) runs.push([frame, frame + 1]);
    }
    return runs;
  }

  return {joints, states, scores, gaps};
})();
