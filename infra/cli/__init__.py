"""The command line of the platform: `python -m infra <command>`. The Makefile calls nothing else."""
