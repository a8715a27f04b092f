"""Prepared records: their schema, random access, windows and batches."""
