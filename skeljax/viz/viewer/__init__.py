"""Builds one self-contained HTML page: skeletons, timelines and class scores of recordings."""
