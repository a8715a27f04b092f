"""Tests of skeljax, in the tree of what they test."""
