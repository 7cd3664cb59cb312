"""Building blocks of figures."""
