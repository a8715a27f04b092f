"""Inference with trained networks: scores, segments, streams, exported models."""
