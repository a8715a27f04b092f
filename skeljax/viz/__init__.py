"""Draws pictures and lays out tables for people to read."""
