"""From a tilt series to its atoms: traced in a volume, refined against the projections, told apart, and judged."""
