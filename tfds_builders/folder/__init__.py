"""Someone's own recordings, in a folder."""
