"""Reports what became of runs: one page of numbers and pictures, as HTML or Markdown."""
