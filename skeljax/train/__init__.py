"""Training: pure steps, and around them the loop, checkpoints and devices."""
