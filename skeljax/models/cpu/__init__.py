"""Forms of the layers that are fast on CPUs; their results are those of the plain layers."""
