"""UI-PRMD: rehabilitation movements, Kinect."""
