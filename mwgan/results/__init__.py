"""The results table: its columns, writing and reading it, choosing rows for figures, kept tomograms, and means over its rows."""
