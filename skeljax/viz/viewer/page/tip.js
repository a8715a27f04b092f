// A tooltip beside the pointer.
const Tip = (() => {
  function show(text, at) {
    const element = document.getElementById('tip');
    element.hidden = !text;
    if (!text) return;
    element.textContent = text;
    const {offsetWidth: wide, offsetHeight: high} = element;
    const left = Math.min(Math.max(8, at.left + 12), document.documentElement.clientWidth - wide - 8);
    const above = at.top - high - 12;
    element.style.left = `${left}px`;
    element.style.top = `${above > 8 ? above : at.bottom + 16}px`;
  }

  return {show};
})();
