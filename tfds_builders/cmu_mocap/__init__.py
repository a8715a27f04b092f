"""CMU motion capture: exercise routines, labeled, and any other trial."""
