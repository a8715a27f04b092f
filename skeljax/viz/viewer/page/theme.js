// Dark or light theme: the system setting, unless the user chose one.
const Theme = (() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  let onChange = () => {};

  // A page opened from a file may have no access to localStorage.
  function stored() {
    try { return localStorage.getItem('theme'); } catch { return null; }
  }

  function store(theme) {
    try { localStorage.setItem('theme', theme); } catch { /* lost when the page is closed */ }
  }

  function set(theme) {
    root.dataset.theme = theme;
    onChange();
  }

  function toggle() {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    store(theme);
    set(theme);
  }

  const bySystem = () => { if (!stored()) set(system.matches ? 'dark' : 'light'); };

  function start(action) {
    onChange = action;
    set(stored() || (system.matches ? 'dark' : 'light'));
    system.addEventListener('change', bySystem);
  }

  return {start, toggle};
})();
