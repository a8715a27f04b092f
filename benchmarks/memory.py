"""Peak memory of this process."""

import resource


def peak_mib() -> float:
    """Returns the peak resident set size of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
