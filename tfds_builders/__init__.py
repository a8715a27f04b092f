"""One folder a corpus, after the conventions of TensorFlow Datasets."""
