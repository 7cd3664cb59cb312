"""mwgan as an operator of tomviz: a tilt series becomes a volume, after a look at it.

Import this file in tomviz as a custom transform; the JSON beside it describes the dialogue. The Python that runs it needs mwgan.
"""

import tomviz.operators


class MwganReconstruction(tomviz.operators.CancelableOperator):
    """tomviz holds a tilt series as (x, y, tilts), its tilt axis along x."""

    def transform(self, dataset, method="auto", iterations=0, tilt_axis="x", correct=True):
        """A child dataset with the volume (x, y, z), as tomviz's own reconstructions give it; None if it was canceled."""
        import numpy as np

        from mwgan.errors import InputError
        from mwgan.series.in_memory import reconstruct_array
        from mwgan.series.look import Switches

        if dataset.tilt_angles is None or dataset.active_scalars is None:
            raise InputError("this is no tilt series, it has no tilt angles: set them (Tomography, Set Tilt Angles)")
        tilts_first = dataset.tilt_axis == 0
        images = dataset.active_scalars if tilts_first else np.transpose(dataset.active_scalars, (2, 1, 0))  # (tilts, y, x)
        if correct:
            switches = Switches(tilt_axis=tilt_axis)
        else:
            switches = Switches(tilt_axis=tilt_axis, background="none", axis_offset=0.0, invert="no", outliers="keep")
        settings = {"iterations": int(iterations)} if iterations > 0 else None
        self.progress.message = "Looking at the images"
        try:
            found = reconstruct_array(images, dataset.tilt_angles, method, settings, switches, progress=self._go_on)
        except _CanceledError:
            return None
        for sentence in found.notes:
            print(f"mwgan: {sentence}")
        for sentence in found.warnings:
            print(f"mwgan, warning: {sentence}")
        along_x = found.tilt_axis == "x"
        child = dataset.create_child_dataset()
        child.active_scalars = np.asfortranarray(found.volume if along_x else np.transpose(found.volume, (2, 0, 1)))
        if dataset.spacing is not None:
            x, y, _ = dataset.spacing
            child.spacing = [x, y, y] if along_x else [x, y, x]
        return {"reconstruction": child}

    def _go_on(self, done, slices):
        if self.canceled:
            raise _CanceledError
        self.progress.maximum = slices
        self.progress.value = done
        self.progress.message = f"Slice {done + 1} of {slices}"


class _CanceledError(Exception):
    pass
