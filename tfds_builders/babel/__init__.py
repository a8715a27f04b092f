"""BABEL: everyday actions in AMASS, frame labels."""
