"""CMU motion capture: exercise routines, labelled, and any other trial."""
