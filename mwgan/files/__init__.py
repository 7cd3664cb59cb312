"""Files: written whole or not at all, held, sealed, in pieces; checkpoints and weights."""
