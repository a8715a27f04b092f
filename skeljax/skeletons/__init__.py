"""Joint layouts, the skeleton graph, mapping between layouts, and streams computed from joints."""
