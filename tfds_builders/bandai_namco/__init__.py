"""Bandai Namco Research motion datasets 1 and 2: contents in styles."""
