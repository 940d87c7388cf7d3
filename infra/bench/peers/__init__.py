"""The peers of `make bench`: the same work as the job `analytics`, each as its users would write it.

Each program runs in an environment of its own (infra/bench/environments.py), so it imports nothing of the platform but
`infra.bench.peers.contract`. It reads the source topic from the beginning, and runs until it is stopped.
"""
