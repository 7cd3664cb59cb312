"""The life of a run: its folder, how it starts, resumes and ends; stages, sweeps, SLURM, processes and loggers."""
