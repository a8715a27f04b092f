"""PRECOG 2016: sequences of punches and kicks, Kinect v1."""
