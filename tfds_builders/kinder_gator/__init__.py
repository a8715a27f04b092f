"""Kinder-Gator: actions of children and adults, Kinect v1."""
