"""Formulations that are fast on CPUs, equal to the plain layers."""
