"""Joint layouts, the skeleton graph, mapping between layouts, and the streams made of joints."""
