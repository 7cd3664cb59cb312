"""The results table: its columns, how it is written and read, what of it is drawn, the tomograms beside it, and means over its rows."""
