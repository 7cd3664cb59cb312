"""Where every image of a raw tilt series belongs: shifts along and across the tilt axis, the axis' angle and place."""
