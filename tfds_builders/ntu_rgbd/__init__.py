"""NTU RGB+D 60 and 120: trimmed actions, Kinect."""
