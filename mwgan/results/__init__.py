"""The results table: its columns, how it is written and read, the tomograms kept beside it, and means over its rows."""
