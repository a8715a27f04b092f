"""A user's own folder of recordings."""
