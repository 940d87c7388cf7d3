"""The command line of the platform: `python -m infra <command>`, which the Makefile calls."""
