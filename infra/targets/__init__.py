"""The targets, which run jobs: `local`, `session`, `kubernetes`, and `memory` for tests."""
