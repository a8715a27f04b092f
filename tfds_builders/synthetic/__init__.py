"""Procedural motion; needs no file."""
