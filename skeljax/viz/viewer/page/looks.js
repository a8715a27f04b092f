// Colors and patterns of classes, the same in all views and in the plots of reports.
const Looks = (() => {
  const HATCHES = [
    null,
    'repeating-linear-gradient(-45deg, #fff8 0 1.5px, transparent 1.5px 6px)',
    'radial-gradient(#fffa 1.2px, transparent 1.4px) 0 0 / 6px 6px',
    'repeating-linear-gradient(45deg, #fff8 0 1.2px, transparent 1.2px 6px), ' +
      'repeating-linear-gradient(-45deg, #fff8 0 1.2px, transparent 1.2px 6px)',
    'repeating-linear-gradient(45deg, #fff8 0 1.5px, transparent 1.5px 6px)',
  ];
  const MARKS = {
    'correct': '✓', 'missed': '○', 'wrong label': '≠', 'boundary off': '↔', 'double': '×2',
    'false alarm': '+',
  };
  let colors = [];

  const use = list => { colors = list; };
  const color = label => colors[label % colors.length];
  const hatch = label => HATCHES[Math.floor(label / colors.length) % HATCHES.length];

  const channels = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  const hex = parts => '#' + parts.map(p => Math.round(p).toString(16).padStart(2, '0')).join('');

  function mix(from, to, share) {
    const [a, b] = [channels(from), channels(to)];
    return hex(a.map((part, i) => part + share * (b[i] - part)));
  }

  function luminance(color) {
    const [r, g, b] = channels(color).map(part => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  const textOn = fill => contrast(fill, '#ffffff') > contrast(fill, '#111418') ? '#ffffff' : '#111418';

  // Returns the color of a class for lines, mixed with the ink until its contrast is 3:1.
  function line(label, paper, ink) {
    for (let share = 0; share < 1; share += 0.1) {
      const mixed = mix(color(label), ink, share);
      if (contrast(mixed, paper) >= 3) return mixed;
    }
    return ink;
  }

  // Applies color and pattern of a class to an element.
  function dress(element, label) {
    const fill = color(label), pattern = hatch(label);
    element.style.background = pattern ? `${pattern}, ${fill}` : fill;
    element.style.color = textOn(fill);
  }

  const swatch = label => {
    const element = document.createElement('span');
    element.className = 'swatch';
    dress(element, label);
    return element;
  };

  return {MARKS, use, color, hatch, mix, contrast, textOn, line, dress, swatch};
})();
