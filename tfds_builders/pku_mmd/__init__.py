"""PKU-MMD: untrimmed recordings of actions, Kinect."""
