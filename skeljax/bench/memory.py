"""The peak memory of a process."""

import resource


def peak_mib() -> float:
    """Tells the most main memory that this process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
