"""From a tilt series to its atoms: traced in a volume, refined against the projections, classified, and compared with the truth."""
