"""Draws plots, formats tables and writes reports, the viewer page and subtitle files."""
