"""Contrastive pretraining: InfoNCE, the snippet loss, queues; methods/ has one file per method."""
