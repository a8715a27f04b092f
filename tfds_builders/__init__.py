"""One folder per corpus, by the conventions of TensorFlow Datasets."""
