"""From one machine to many: a study's experiments dealt out as tasks, to SLURM or to this machine's GPUs.

Jobs, arrays and logs are submitit's. Here: who gets what (`shares`), what a task does (`task`), how it is asked of a
site (`profile`, `slurm`, `local`), and what became of it (`submission`, `jobs`, `status`).
"""
