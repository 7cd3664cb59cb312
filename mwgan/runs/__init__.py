"""Running a training: its folder, starting, resuming and ending; stages, sweeps, SLURM, processes and loggers."""
