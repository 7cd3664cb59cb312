"""Files: atomic writing, locks, checksums, splitting into pieces; checkpoints and weights."""
