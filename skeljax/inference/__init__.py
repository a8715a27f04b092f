"""Trained networks: predictors, scoring of recordings, streams, model folders."""
