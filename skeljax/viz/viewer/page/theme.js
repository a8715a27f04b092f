// Dark or light: as the system has it, unless someone chose.
const Theme = (() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  let onChange = () => {};

  // A page that was opened from a file may not be allowed to keep anything.
  function kept() {
    try { return localStorage.getItem('theme'); } catch { return null; }
  }

  function keep(theme) {
    try { localStorage.setItem('theme', theme); } catch { /* then until the page is closed */ }
  }

  function set(theme) {
    root.dataset.theme = theme;
    onChange();
  }

  function toggle() {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    keep(theme);
    set(theme);
  }

  const bySystem = () => { if (!kept()) set(system.matches ? 'dark' : 'light'); };

  function start(action) {
    onChange = action;
    set(kept() || (system.matches ? 'dark' : 'light'));
    system.addEventListener('change', bySystem);
  }

  return {start, toggle};
})();
