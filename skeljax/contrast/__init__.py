"""Contrastive pretraining: losses, queues, the snippet term, one file a host method."""
