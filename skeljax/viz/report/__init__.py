"""Reports on runs: one page of metrics, tables and plots, as HTML or Markdown."""
